package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"comity/fleet"
	"comity/node"
)

// memberCommand groups who takes part, and how each reaches the hub.
type memberCommand struct {
	Invite inviteCommand  `cmd:"" help:"Write an invitation for a party that makes its own keys on its own machine."`
	Join   joinCommand    `cmd:"" help:"Take up an invitation: make keys here and show their public halves to the hub."`
	Host   hostCommand    `cmd:"" help:"Keep a mailbox for a member that cannot keep a machine running."`
	Hosted hostedCommand  `cmd:"" help:"Take part through a mailbox that another member keeps."`
	List   membersCommand `cmd:"" help:"Show who is invited, has joined and is connected."`
}

// membersCommand lists.
type membersCommand struct {
	Home string `help:"Folder of the operator." required:"" placeholder:"DIR"`
}

// memberRow is one member of the list.
type memberRow struct {
	Party     string `json:"party"`
	State     string `json:"state"` // held, open, invited, joined.
	Connected bool   `json:"connected"`
	Expires   string `json:"expires"` // Of an open invitation.
	Joined    string `json:"joined"`
}

// Run lists.
func (c *membersCommand) Run(t *terminal) error {
	folder, err := filepath.Abs(c.Home)
	if err != nil {
		return err
	}
	home := node.Home(folder)
	if err := founded(home); err != nil {
		return err
	}
	seats, sealed, err := fleet.Seats(home)
	if err != nil {
		return err
	}
	here, err := fleet.Connected(home)
	if err != nil {
		return err
	}
	var all []memberRow
	var b strings.Builder
	for _, s := range seats {
		m := memberRow{Party: string(s.Party), State: "held", Connected: here[s.Party], Joined: s.Joined}
		detail := "its keys lie in this home"
		switch {
		case s.Joined != "":
			m.State, detail = "joined", "since "+s.Joined+", with its own keys"
		case s.Expires != "":
			m.State, m.Expires, detail = "invited", s.Expires, "until "+s.Expires
		case !s.Here:
			m.State, detail = "open", "next: "+command("member", "invite", m.Party, "--home", folder)
		}
		if m.Connected {
			detail += "; connected"
		}
		all = append(all, m)
		fmt.Fprintf(&b, "%-4s  %-8s  %s\n", m.Party, m.State, detail)
	}
	if sealed {
		b.WriteString("The charter is sealed: parties come and go by amendment.\n")
	} else {
		b.WriteString("The charter is a draft: it is sealed by the hub when nobody is open or invited.\n")
	}
	return t.result("member-list", map[string]any{"members": all, "sealed": sealed}, b.String())
}
