package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"comity/fleet"
	"comity/node"
	"comity/party"
)

// inviteCommand writes one file.
type inviteCommand struct {
	ID         string        `arg:"" help:"Party to invite."`
	Home       string        `help:"Folder that comity init founded in." required:"" placeholder:"DIR"`
	Out        string        `help:"File to write; it must not exist. Default: ID.invitation." placeholder:"FILE"`
	HubAddress string        `help:"Where the newcomer reaches the hub. Default: as in the last invitation, else 127.0.0.1:7475." placeholder:"HOST:PORT"`
	WebAddress string        `help:"Where a websocket reaches the hub from networks that let only HTTPS out." placeholder:"HOST:PORT"`
	Listen     string        `help:"Where the hub listens on this machine. Default: the port of --hub-address." placeholder:"HOST:PORT"`
	ListenWeb  string        `help:"Where the hub listens for websockets on this machine. Default: the port of --web-address." placeholder:"HOST:PORT"`
	Expires    time.Duration `help:"How long the invitation lasts, up to 720h." default:"168h" placeholder:"DURATION"`
}

// inviteData is the JSON form of an invitation; the token stays in the file.
type inviteData struct {
	Party     string   `json:"party"`
	File      string   `json:"file"`
	Words     string   `json:"words"`
	Addresses []string `json:"addresses"`
	Expires   string   `json:"expires"`
	Next      []string `json:"next"` // Of the newcomer, then of the operator.
}

// Run invites.
func (c *inviteCommand) Run(t *terminal) error {
	folder, err := filepath.Abs(c.Home)
	if err != nil {
		return err
	}
	home := node.Home(folder)
	if err := founded(home); err != nil {
		return err
	}
	out := c.Out
	if out == "" {
		out = c.ID + ".invitation"
	}
	if _, err := os.Lstat(out); err == nil {
		return usageError{fmt.Errorf("%s exists; choose another --out", out)}
	}
	up := &upCommand{Scenario: defaultScenario, Home: c.Home, Weeks: 1}
	if err := up.recall(); err != nil {
		return err
	}
	s, err := up.scenario()
	if err != nil {
		return err
	}
	world := ""
	if up.Data == "" {
		world = up.Scenario
	}
	v, err := fleet.Invite(fleet.Offer{
		Home: home, Scenario: s, Party: party.ID(c.ID), Address: c.HubAddress, Web: c.WebAddress, Listen: c.Listen, ListenWeb: c.ListenWeb,
		World: world, Lifetime: c.Expires, Clock: time.Now,
	}, rand.Reader)
	if err != nil {
		return err
	}
	if err := v.Write(out); err != nil {
		return err
	}
	d := inviteData{
		Party: c.ID, File: out, Words: v.Words(), Addresses: v.Addresses, Expires: v.Expires,
		Next: []string{command("member", "join", filepath.Base(out), "--home", c.ID), command("serve", "--hub", "--home", folder)},
	}
	return t.result("member-invite", d, fmt.Sprintf("Invited %s, once, until %s. Send it %s as you would send a password, and tell it by telephone the words\n  %s\nIt types:\n  %s\nThe hub, which must run for that:\n  %s\n",
		c.ID, v.Expires, out, v.Words(), d.Next[0], d.Next[1]))
}
