package own

import (
	"path/filepath"

	"comity/pack"
)

// StandIns is for tests that found nothing.
var StandIns = standIns

// ReadDocument is for the fuzz test.
func ReadDocument(data []byte) error {
	_, err := readDocument(ScenarioFile, data)
	return err
}

// ReadCharter reads a charter for the scenario of a folder.
func ReadCharter(data []byte, s pack.Scenario, folder string) (string, error) {
	scenario, err := load(filepath.Join(folder, ScenarioFile))
	if err != nil {
		return "", err
	}
	d, err := readDocument(ScenarioFile, scenario)
	if err != nil {
		return "", err
	}
	template, _, err := completed(CharterFile, data, d, s)
	return template, err
}
