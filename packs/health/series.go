package health

import "comity/schema"

// Series is the schema of the rows that stay at home: what was known when (as_of) of the
// week that ends on truth_date. A withdrawn value is an empty cell.
func Series() schema.Schema {
	return schema.Schema{
		ID: "health/series@1",
		Columns: []schema.Column{
			{Name: "as_of", Type: schema.Date, Least: "1970-01-01", Required: true},
			{Name: "target", Type: schema.Text, Required: true},
			{Name: "location", Type: schema.Text, Required: true},
			{Name: "truth_date", Type: schema.Date, Least: "1970-01-01", Required: true},
			// More than everybody, each week: 100,000 per 100,000, is no rate of doctors' visits.
			{Name: "value", Type: schema.Decimal, Unit: unit, Decimals: 3, Rounded: true, Least: "0", Most: "1000000"},
		},
		Key:        []string{"as_of", "target", "location", "truth_date"},
		Suppressed: []string{"*", "<5"},
	}
}
