package forecast

import "comity/party"

// Task is one question of a forecast hub: the distribution of one weekly value.
type Task struct {
	Origin  string // Day of the forecast, YYYY-MM-DD: nothing that was said later may be used.
	Target  string // "ILI incidence".
	Horizon int    // The hub's own count of weeks; what is asked for is the Date.
	Date    string // Last day of the week, YYYY-MM-DD.
	Place   party.ID
}
