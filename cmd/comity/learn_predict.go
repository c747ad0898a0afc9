package main

import (
	"context"
	"fmt"

	"comity/adapter/csv"
	"comity/modeler/learn"
	"comity/modeler/learn/model"
	"comity/modeler/learn/number"
	"comity/modeler/learn/table"
	"comity/place"
)

type learnPredictCommand struct {
	Model string `arg:"" help:"What comity learn fit wrote."`
	File  string `arg:"" help:"CSV (.gz is fine), Parquet, SQLite, or a folder of them; - reads CSV from standard input."`
	Out   string `required:"" placeholder:"FILE" help:"CSV with a row for each row of the file: the prediction; for a binary target the probability of its higher value."`
}

// predictData is the JSON form of a prediction.
type predictData struct {
	Model string `json:"model"`
	Rows  int    `json:"rows"`
	Out   string `json:"out"`
}

// Run reads the model's columns, ignoring others, and writes the predictions.
func (c *learnPredictCommand) Run(ctx context.Context, t *terminal) error {
	m, digest, err := readModel(c.Model)
	if err != nil {
		return err
	}
	rows, err := readTable(ctx, c.File, table.Want{Only: m.Names()})
	if err != nil {
		return err
	}
	keys, err := m.Predict(rows)
	if err != nil {
		return err
	}
	out := make([][]string, 0, len(keys)+1)
	out = append(out, []string{"prediction"})
	for _, key := range keys {
		out = append(out, []string{number.Text(key)})
	}
	if err := csv.WriteRows(c.Out, out); err != nil {
		return err
	}
	d := predictData{digest, len(keys), c.Out}
	return t.result("learn-predict", d, fmt.Sprintf("%s predicted by %s\n        %s\n", count(d.Rows, "row"), m, d.Out))
}

// readModel reads a model file and returns it with its digest.
func readModel(file string) (*model.Model, string, error) {
	data, err := readBounded(file, model.MaxBytes)
	if err != nil {
		return nil, "", err
	}
	m, err := model.Decode(data)
	if err != nil {
		return nil, "", &place.Error{File: file, Line: 1, Column: 1, Reason: err.Error(), Fix: "get the file again, or fit it again with comity learn fit", Cause: learn.ErrModel}
	}
	digest, err := m.Digest()
	return m, digest.String(), err
}
