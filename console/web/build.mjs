// Makes what the console embeds besides its own files: the world map and the scripts.
// Needs Node; inputs come from the npm registry by exact version (package.json), the
// eight-word list from canon/words.go. Output: console/web/dist, which is not committed.
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {build} from 'esbuild';
import {drawMap} from './map.mjs';

const here = path => fileURLToPath(new URL(path, import.meta.url));
const out = name => here(`dist/${name}`);
mkdirSync(here('dist'), {recursive: true});

// The word list has one home, package canon.
const words = readFileSync(here('../../canon/words.go'), 'utf8').match(/wordText = `\n([^`]*)`/)[1].split(/\s+/).filter(Boolean);
if (words.length !== 2048) throw new Error(`canon/words.go: ${words.length} words, want 2048`);
const wordList = {
  name: 'words',
  setup(b) {
    b.onResolve({filter: /^comity:words$/}, () => ({path: 'words', namespace: 'comity'}));
    b.onLoad({filter: /.*/, namespace: 'comity'}, () => ({contents: `export default ${JSON.stringify(words.join(' '))}.split(' ');`}));
  },
};

const bundle = async entry => {
  const {outputFiles} = await build({
    entryPoints: [here(entry)], bundle: true, minify: true, write: false, format: 'iife', target: 'es2022',
    charset: 'utf8', legalComments: 'eof', plugins: [wordList], logLevel: 'warning',
  });
  return outputFiles[0].text;
};

writeFileSync(out('map.json'), JSON.stringify(drawMap()));
const verifier = await bundle('verify/page.js');
writeFileSync(out('verify.js'), verifier);
writeFileSync(out('live.js'), await bundle('live.js'));

// The same verifier as one file that opens from disk, without a server. "</script" in
// the bundle would end it early.
const shell = readFileSync(here('verifier.html'), 'utf8');
const style = readFileSync(here('../style.css'), 'utf8');
writeFileSync(out('verifier.html'), shell
  .replace('/*style*/', () => style)
  .replace('/*script*/', () => verifier.replaceAll('</script', '<\\/script')));
