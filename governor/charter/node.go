package charter

// Shape is what a Node of a document is.
type Shape int

// The three shapes of a document.
const (
	Scalar Shape = iota
	Sequence
	Mapping
)

// String names the shape as problems do.
func (s Shape) String() string {
	switch s {
	case Mapping:
		return "a mapping"
	case Sequence:
		return "a list"
	default:
		return "a single value"
	}
}

// Style is how a scalar was written. It matters: a plain NO is a word to some
// readers of YAML and the value false to others, a quoted "NO" is one to all.
type Style byte

// The styles of a scalar.
const (
	Plain        Style = iota
	SingleQuoted       // 'text'
	DoubleQuoted       // "text"
	Block              // literal or folded lines under | or >
)

// Node is a document as an adapter read it from a file: every part with its place,
// keys in the order in which they were written, nothing interpreted.
type Node struct {
	Shape  Shape
	Style  Style   // Scalar: how it was written.
	Text   string  // Scalar: its value, in Unicode normalization form C.
	Items  []Node  // Sequence.
	Fields []Field // Mapping.
	Line   int     // From 1.
	Column int     // From 1, in characters.
}

// Field is one key of a mapping and its value.
type Field struct {
	Key   Node // A scalar.
	Value Node
}

// Quoted tells whether every reader takes the scalar for text.
func (n Node) Quoted() bool { return n.Style != Plain }

// Get returns the value of key in a mapping.
func (n Node) Get(key string) (Node, bool) {
	for _, f := range n.Fields {
		if f.Key.Text == key {
			return f.Value, true
		}
	}
	return Node{}, false
}
