package canon

import "testing"

// These are the examples of docs/format/canonical.md.
func TestGolden(t *testing.T) {
	type row struct {
		Place string            `json:"place"`
		Week  int               `json:"week"`
		Doses Int               `json:"doses"`
		Key   []byte            `json:"key"`
		Names map[string]string `json:"names"`
		Note  *string           `json:"note"`
		Lower *Int              `json:"lower,omitempty"`
	}
	r := row{"KE", 47, 1 << 53, []byte{1, 2, 255}, map[string]string{"sw": "dozi\n", "en": "\"dose\"", "\U0001F600": "", "\ue000": "é"}, nil, nil}
	data, err := Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"doses":"9007199254740992","key":"AQL/","names":{"en":"\"dose\"","sw":"dozi\n","` + "\U0001F600" + `":"","` + "\ue000" + `":"é"},"note":null,"place":"KE","week":47}`
	if string(data) != want {
		t.Errorf("form   %s\nwant   %s", data, want)
	}
	d := Sum(data)
	if got, want := d.String(), "sha256:4b330c1b848e44481be11ef540b49cc59929ff07a68243e47922b8b880b8a376"; got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
	if got, want := d.Words(), "embark-musket-alliance-amethyst-thesis-butter-heather-bushel"; got != want {
		t.Errorf("words  %s, want %s", got, want)
	}
	if got, want := Sum(nil).Words(), "thatch-leisure-attach-connect-ribbon-anemone-guess-jubilee"; got != want {
		t.Errorf("words of nothing %s, want %s", got, want)
	}
}
