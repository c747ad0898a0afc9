package canon

import "strings"

// words returns the list in which Digest.Words writes 11 bits a word: 2,048 common
// English words of 5 to 8 letters in ascending order. No two share their first four
// letters, sound alike, or differ by one letter missing, added, changed or swapped
// with its neighbour, so that a slip of the pen is seen. The list may never change.
func words() []string { return strings.Fields(wordText) }

const wordText = `
abacus abdomen ability about above abrupt absence absorb abstract absurd abundant academy accent
accident account accuse acetone achieve acorn acoustic acquire acrobat action actress actual
adapt addition adequate adhere adjacent adjust admiral advance advice aerial aerobic affair
affirm afford after again agency agree ahead aircraft airfield airport alarm album alchemy
alcove alder algebra alkaline allege alliance almanac almond aloft alone alphabet alpine already
alright although aluminum always amateur amazing ambition ambush amend amethyst amount amplify
amulet amuse analog anatomy ancestor anchor ancient anemone angle animal annex announce annual
answer antelope anthem antique anvil anybody apart aperture apology apparel appetite apple
approve apricot apron aquarium arbiter arcade archive arctic arena argue arise armchair armor
aroma around arrange arrival arrow artist ascend ashore aside asking aspect asphalt aspire
assemble assist assume asteroid astonish athlete atlas attach attend attic attract auburn audio
aurora author autumn avenue average aviator avocado avoid await awake award awesome awkward
azalea azure bachelor backpack badger bagpipe baker balance balcony ballad balsam bamboo banana
bandage banjo banner banquet barbecue barefoot bargain barley barrel basalt basement basil
basket bassoon batch bathtub baton battery beacon beagle beard beauty beaver because become
bedrock beehive beetle before began behave behind beige believe bellows belong bemused bench
benefit beside beverage beware beyond bicycle bifocal bigger billion binder biology biplane
birch birthday biscuit bison blanket blazer bleach blend bless blimp blink blister blizzard
block blossom blouse blunt blush bobcat bobsled bodice bolster bonanza bonfire bonnet bookcase
border boring borrow botany bottle bounce bouquet bovine bowling boxcar bracket brain bramble
branch brass bravery breeze brewery brick bridge brief bright brittle broad broccoli bronze
brook brother brown bucket budget buffalo bugle builder bulky bulletin bumper bundle bungalow
bunker buoyant burden bureau burlap burst bushel butcher butter buzzard bygone byway cabbage
cabin cable cactus cadence calcium calendar calorie camera campfire canal candle canoe canyon
capable captain caramel carbon cardinal carefree cargo carnival carpet cartoon cascade castle
casual catalog category caution cavalry cavity cedar celery cello cement center ceramic ceremony
certain chalk champion change chapter charcoal chase cheap checkers cheese cherry chestnut
chicken chief child chimney chisel choice chorus chowder chrome chuckle chunk cider cinema
cinnamon circle cistern citizen citrus civic claim clamp clapper clarinet class clatter clean
clerk clever client cliff climate clinic cloister cloud clown cluster clutch coach coast cobalt
cobbler cobra coconut coffee cogwheel cohesion colony column comedy comfort common compass
concert condor confirm congress connect conquer consider contour convince coolant cooper corner
cosmic costume cottage country couple courage coverage cowboy coyote cradle craft crane crater
crawl crayon cream credit crescent cricket crimson crisp critic crochet crossing crowd crucial
crumble crunch crust crystal cuckoo cucumber cuddle cuisine culture cumulus cupboard curator
curfew curious curve cushion custard cutlery cyclone cylinder cypress daffodil daily damage
dancer daring darkness daughter daybreak daydream dazzle dealer debate debit debris decade
declare decorate decrease deduct default defend defrost degree delay delegate delight delta
deluxe demand denim dense dentist depart depict deploy depot deputy derby derive describe design
desktop destiny detail detect detour develop device devote dewdrop diagram dialog diamond diary
dictate diesel differ digest digital dignity dilemma diligent dimple dinghy dinner dinosaur
diploma direct disagree discover dismiss display distance ditch diver divide dizzy docile doctor
document dodge dogwood dollar dolphin domain domino donate donkey donor doodle doorbell dormant
dosage double downtown dozen dragon drama drapery drawer dredge dress drift drill drink drizzle
drought drowsy dryer duchess duckling dugout dumpling dungeon duplex durable dutiful dwelling
dynamic eager earnest earring earth easel eatery ebony eclair eclipse ecology economy edible
edition educate effort eggplant eggshell either elapse elbow elegant element elephant elevator
eligible elite elixir email embark emblem embrace emerald emigrant emotion empathy emperor
empire employ empty emulate enable enamel enchant enclose encore endless endorse endure energy
enforce engage engine enhance enigma enjoy enlarge enlist enormous enough enrich enroll ensemble
ensign entire entry envelope enzyme episode epoch equal equip erase erosion errand error escape
escort espresso essay estate eternal ethics evaluate evening every evidence evolve exact examine
excel exchange excite excuse execute exempt exercise exhaust exhibit exist exotic expand expect
explain export express extend extra eyebrow eyelash fabric facade factory faculty faith falcon
fallow false family famous fancy fantasy farewell farmer fashion father fatigue faucet feasible
federal fedora feeble feline fence fennel fertile festival fetch fever fiber fiction fiddle
fidget field fierce fifteen figure filament filter final finch finger firefly first fiscal
fishing fitness fixture flagpole flamingo flannel flash flavor fleece flexible flicker flight
flint float flood florist fluent fluffy fluid flurry flutter focus foggy folder foliage fondness
football forbid force forecast forget fortune forum fossil foster fountain fourteen foxglove
fraction fragile frame freckle freedom freight frequent fresh friend frigate fringe frolic front
frozen frugal fruit fuchsia fudge fulfill fumble function furnace furrow future fuzzy gadget
galaxy gallery gander gangway garage garden gargle garlic garment garnet gasoline gauge gazebo
gearbox gecko gelatin gemstone general genius gentle genuine geology geranium gerbil gesture
getaway geyser ghost giant giddy gigantic gimmick giraffe glacier glance glaze gleam glide
glimpse glitter globe gloom glory glossary glucose gnome goalie goblet goggles golden golfer
gondola goodness gopher gorge gosling gossip gothic gourmet govern grace gradual grammar grand
gravel green gritty grocery groove group growth guava guess guitar gully gusto gymnast gypsum
habit hacksaw haddock halibut hamlet hammer hamster happen harbor hardware harmony harness
harpoon harvest hasty hatchet hawthorn haystack hazard hazel headline health heart heather
heaven hectic hedge height heirloom helmet hemlock herald herbal heron hexagon hickory hidden
highway hiking hilltop hinge hippo history hobby hockey hoist hollow homeland honest horizon
hornet horse hospital hostel hound hover human humid hummus humor hundred hungry hunter hurdle
husky hybrid hydrant hyena hygiene hyphen iceberg icicle identify idiom igloo ignite iguana
illusion imagine imitate immense impact import impress impulse inbox include income increase
index indigo indoor industry inertia infant infinite inflate inform ingot inhabit inherit
initial inject inkwell inland inmate innocent input inquiry inside inspire install intact
interest invest invite involve iodine ionic irony irrigate isolate isotope italic itself ivory
jackal jaguar jargon jasmine javelin jawbone jeans jelly jersey jester jetty jigsaw jingle
jobless jogger journal joyful jubilee juggle juice junior justice juvenile kangaroo karaoke
kayak kebab keepsake kerosene ketchup kettle keyboard khaki kidney kilogram kimono kindle
kinetic kingdom kiosk kitchen kitten knapsack knife knock knoll koala kumquat label labor
lacquer ladder ladle lagoon lambda language lantern laptop lasagna laser lasso latitude lattice
laugh launch laurel lavender lawful lawyer leader league learn leash lecture ledger leftover
legacy legend leisure lemon length lentil leopard letter level liaison liberty library license
lichen likely lilac limber limit linen lipstick liquid liter little lizard lobster local locker
locust lofty logic lollipop lonely loose lotion lottery lotus lounge lower lucid luggage lullaby
lunar lupine luxury lyrics macaroni machine mackerel madam magazine magenta magic magnet
mahogany maiden mailbox majestic major makeup mallard mammoth manager mandolin mango manifest
manual maple marathon marble march margin marigold market maroon marvel mascot mason massive
master matador maternal matrix mature maverick maximum maybe meadow meander measure medicine
melody member memory menthol mermaid message meteor method metric mezzo micron midnight migrate
mileage military mimic mimosa mineral minimum minute miracle mirror mission mobile mocha modern
modify mohair moisture molar mollusk moment monarch money monitor monsoon month monument moody
moonbeam moral morsel mortar mosaic motel mother motor mouse movie muffin mulberry mulch
multiply mundane murmur museum mushroom music musket mutual muzzle myriad mystery nachos napkin
narrate nation nautical navigate nearby nebula necklace nectar needle negative neglect neighbor
nephew nerve network neutral newborn nibble nickel niece nitrogen noble nobody nocturne nodding
noise nomad nominee normal north nostril notable notch notebook notice nougat nourish nowhere
nozzle nuance nugget number numeric nursery nutmeg nutshell nylon nymph oasis oatmeal obedient
obelisk object oblige oblong observe obsidian obstacle obtain obvious occasion occupy ocean
octagon oddity odometer odyssey offer office offset olive omega omelet onion online onset onward
opaque opera opinion oppose optical opulent oracle orange orbit orchard ordinary oregano organ
orient orifice origin ornament osprey ostrich otter ottoman outback outcome outdoor outfit
outlaw output outside overall owner oxide oxygen oyster ozone pacific package paddle padlock
pagoda paint pajamas palace pamphlet pancake panda panel panther paper paprika papyrus parade
parcel pardon parent parish parka parlor parrot parsley partner passage pasta patient patriot
pattern pavement pavilion payment peaceful peanut peasant pebble pecan pedestal pelican pencil
pendulum penguin people pepper perceive perfect perhaps period permit person pesto petal
petition petunia phantom pharmacy phone photo phrase physics piano piccolo picket picnic picture
pigment pilgrim pillow pilot pinball pinnacle pioneer pipeline pitcher pixel pizza placid planet
plaster platform plaza plenty pliers plumber plunge plural plywood podium police polka pollen
polygon poncho pontoon popcorn poplar poppy porridge portrait possible potato pouch poultry
powder practice prairie prance predict prefer prelude premium prepare present pretzel price
primary printer prism private problem process produce program project prologue promise proof
proper proud provide proxy prune public pudding pulley pulse pumpkin punch pupil puppet purchase
purple pursuit pyramid python quadrant quaint quality quantity quarry queen quench query quest
quick quiet quill quince quiver quota raccoon radar radish raider rally rampart random rapid
rapture ratio rattle raven ravine razor reach ready realm reason rebuild recall receive recipe
record recycle reduce reflect reform regard region regular rehearse reindeer relief remain
remedy remote render renew repair reply report reptile rescue research result retire reunion
reveal rhubarb rhyme rhythm ribbon rigid rinse ripple ritual rival robin robot robust rocket
rodent romance rooftop rookie rooster rotate rotunda royal rubber rucksack rudder rugby ruler
runner rural russet rustic saber sacred safari safety saffron sailor salad salmon salute sample
sandal sapling sapphire sardine satchel satisfy saturn sauna savanna sawdust scallop scarf
scatter schedule scholar science scissors scone scooter scout scramble screen scribe scroll
scrub sculptor seafood search second secret section secure sedan seesaw segment select semester
seminar senator senior sentence separate sequel serene series service sesame session several
shadow shaft shallow shamrock shape shawl shelter shepherd sheriff shield shimmer shine shirt
shiver shoal shock shoulder shovel shower shred shrimp shrug shuffle shutter sibling sierra
signal silence silver similar sincere sinus siphon siren sister situate sixteen skate sketch
skill slalom sleeve slender slipper slogan slope sluice small smart smelt smile smith smoke
smooth snack snail snake snapshot snorkel snowball soccer social soften solid solution solve
somber someone sonata soprano sorbet south souvenir space spaniel spark spatula speak special
speech spell spend sphere spider spike spiral splash spleen splint sponge spoon sport spotless
spray spread spring sprout spruce square squeeze squirrel stable stadium stage stamp stand
statue steady sterling stick sting stitch stomach stool storage stove strategy stream stride
strong strudel student stunt sturdy subject sublime subtle suburb subway success sudden suffer
sugar suggest sulfur sultan summer sundial super supply surface surgeon surprise survive sushi
sustain swarm sweater sweep swift sycamore syllable symptom syntax syrup system tablet tackle
tactic tadpole talent talisman tamarind tangent tapestry target tariff tartan tassel taste
tavern teapot teardrop tease teenage telegram temper tenant tennis tenor tepid terminal terrace
textile thank thatch theater theme theory thermal thesis thicket thimble thirty thistle thorn
thought thread thrift throw thunder tiara tidal tiger timid tinsel tissue title toboggan today
toddler together token tolerate tomato tomorrow tongue topaz topic topple torch tornado torso
tortoise total totem tourist toward track trade traffic trail transfer treasure trellis trend
tribute trigger trinket triumph trolley trombone trophy trumpet trunk truth tsunami tugboat
tulip tundra tungsten tunic tunnel turban turkey turmeric turnip turtle tutor tuxedo tweezers
twelve twenty twice twilight twirl twist tycoon typical ukulele ultimate umbrella unaware uncle
uncover under unfold uniform unique unity universe unknown unlock unpack until unusual unveil
update upgrade uphill upkeep uplift upper upright upstairs upward uranium urchin urgent usage
useful usher usual utensil utility utmost utopia vacancy vaccine vacuum vagabond valid valley
valor vanilla vantage variety vault vector vehicle velocity velvet vendor venture veranda
verdict verify version vertical vessel veteran viaduct vibrant victory video vigil vigor village
vinyl violet viper virtue visible visual vitamin vivid voice volcano volume voter voucher vowel
voyage wagon wallet walnut walrus waltz wanted warbler wardrobe warning wasabi water website
wedding weekend welcome welfare wetland wharf wheat whisker wicker width wildlife window winter
wisdom wisteria woman wombat wonder worry worthy woven wreath wrench wrestle wrist writer yacht
yearly yeast yellow yodel yogurt young yucca yummy zealous zebra zenith zephyr zeppelin zestful
zigzag zipper zircon zodiac zoology zucchini
`
