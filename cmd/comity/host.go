package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"comity/durable"
	"comity/fleet"
	"comity/node"
	"comity/party"
)

// hostCommand has a member keep a mailbox for another one.
type hostCommand struct {
	ID      string `arg:"" help:"The guest: a member that cannot keep a machine running."`
	Home    string `help:"The host's own home." required:"" placeholder:"DIR"`
	Address string `help:"Where the guest reaches the mailbox. Default: as for the last guest." placeholder:"HOST:PORT"`
	Listen  string `help:"Where the mailbox is on this machine. Default: the port of --address." placeholder:"HOST:PORT"`
	Out     string `help:"File to write; it must not exist. Default: ID.mailbox." placeholder:"FILE"`
}

// hostData is the JSON form of a mailbox.
type hostData struct {
	Guest   string   `json:"guest"`
	Host    string   `json:"host"`
	File    string   `json:"file"`
	Address string   `json:"address"`
	Pin     string   `json:"pin"`
	Next    []string `json:"next"` // Of the host, then of the guest.
}

// Run opens a mailbox from the host's next start on.
func (c *hostCommand) Run(t *terminal) error {
	own, err := findOwn(c.Home)
	if err != nil {
		return err
	}
	if own == nil {
		return usageError{fmt.Errorf("%s is no member's own home; a hub needs no mailbox, members reach it", c.Home)}
	}
	out := c.Out
	if out == "" {
		out = c.ID + ".mailbox"
	}
	if _, err := os.Lstat(out); err == nil {
		return usageError{fmt.Errorf("%s exists; choose another --out", out)}
	}
	l, err := fleet.Lodge(own.Home, party.ID(c.ID), fleet.Hosting{Address: c.Address, Listen: c.Listen}, rand.Reader)
	if err != nil {
		return err
	}
	data, err := l.Bytes()
	if err != nil {
		return err
	}
	if err := durable.WriteFile(out, data); err != nil {
		return err
	}
	d := hostData{
		Guest: c.ID, Host: string(l.Host), File: out, Address: l.Address, Pin: l.Pin,
		Next: []string{command("serve", "--member", "--home", string(own.Home)), command("member", "hosted", filepath.Base(out), "--home", c.ID)},
	}
	return t.result("member-host", d, fmt.Sprintf("%s keeps a mailbox for %s at %s from its next start on:\n  %s\nSend %s the file %s. It types:\n  %s\n",
		d.Host, d.Guest, d.Address, d.Next[0], d.Guest, d.File, d.Next[1]))
}

// hostedCommand has a member take part through a mailbox.
type hostedCommand struct {
	File   string `arg:"" optional:"" help:"What the host gave you."`
	Home   string `help:"The member's own home." required:"" placeholder:"DIR"`
	Direct bool   `help:"Instead of FILE: take part by a line to the hub again."`
}

// hostedData is the JSON form of how a member reaches its hub.
type hostedData struct {
	Party   string `json:"party"`
	Host    string `json:"host"` // Empty: by itself.
	Address string `json:"address"`
	Next    string `json:"next"`
}

// Run keeps the mailbox in the home.
func (c *hostedCommand) Run(t *terminal) error {
	if (c.File == "") != c.Direct {
		return usageError{errors.New("give FILE or --direct, one of them")}
	}
	var l *node.Letterbox
	if c.File != "" {
		data, err := readBounded(c.File, 1<<16)
		if err != nil {
			return err
		}
		read, err := node.ParseLetterbox(data)
		if err != nil {
			return fmt.Errorf("%s:1:1: %w; ask the host for another", c.File, err)
		}
		l = &read
	}
	folder, err := filepath.Abs(c.Home)
	if err != nil {
		return err
	}
	m, err := fleet.UseMailbox(node.Home(folder), l)
	if err != nil {
		return err
	}
	d := hostedData{Party: string(m.Party), Next: command("serve", "--member", "--home", folder)}
	text := fmt.Sprintf("%s takes part by a line to the hub again", d.Party)
	if l != nil {
		d.Host, d.Address = string(l.Host), l.Address
		text = fmt.Sprintf("%s takes part through the mailbox that %s keeps at %s. Keys, rows and journals stay here", d.Party, d.Host, d.Address)
	}
	return t.result("member-hosted", d, fmt.Sprintf("%s. From the next start on:\n  %s\n", text, d.Next))
}
