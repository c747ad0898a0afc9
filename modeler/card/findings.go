package card

import "fmt"

// Findings says in sentences what on a card is not as it should be.
func (c *Card) Findings() []string {
	found := []string{}
	for _, g := range c.Groups {
		for _, m := range g.Measures {
			for _, f := range m.Findings {
				if f.Apart && m.Name != "loss" { // Some groups are harder for anybody.
					found = append(found, fmt.Sprintf("%s of %s %s stands apart: %s, %s", m.Name, g.By, f.Group, orDash(f.Value), between(f.Number)))
				}
			}
		}
	}
	if n := c.Neutrality; n != nil {
		if n.Renaming != nil && !n.Renaming.Same {
			found = append(found, "a party's name matters: under other names the model is another")
		}
		if n.Reads {
			found = append(found, "the model reads who the party is")
		}
		for _, in := range n.Influence {
			if in.Unlike {
				found = append(found, fmt.Sprintf("the rows of %s move the others' predictions more than twice as far as so many rows of other parties do", in.Party))
			}
			if in.Helps.High != nil && parse(*in.Helps.High) < 0 {
				found = append(found, fmt.Sprintf("the rows of %s make the others' predictions worse", in.Party))
			}
		}
	}
	for _, l := range c.Contributions {
		if l.Gain.High != nil && parse(*l.Gain.High) < 0 {
			found = append(found, fmt.Sprintf("%s would be better off alone", l.Party))
		}
	}
	if c.Leakage != nil && c.Leakage.Refuted {
		found = append(found, "the claim of privacy is refuted by an attack")
	}
	return found
}
