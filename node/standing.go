package node

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"comity/adapter/nats"
	"comity/governor/charter"
	"comity/verifier/ledger"
)

// Standing is what a hub shows a member that looks and does nothing.
type Standing struct {
	Checkpoint ledger.Checkpoint // The newest, its witnesses checked; size 0: none yet.
	Witnesses  int               // How many of them count.
	Hub        time.Time         // The hub's clock.
	Due        string            // What the hub waits for; empty: nothing.
}

// Look connects as a member, asks what is due and hangs up. The member may run in another
// process meanwhile. Of the config it needs who, where and by which charter.
func Look(ctx context.Context, cfg MemberConfig) (s Standing, err error) {
	c, _, err := charter.Open(cfg.Charter)
	if err != nil {
		return s, err
	}
	identity, err := nats.LoadIdentity(cfg.Home.TransportKey())
	if err != nil {
		return s, err
	}
	link, err := nats.Dial(ctx, nats.MemberConfig{
		Address: cfg.Address, Pin: cfg.Pin, Name: string(cfg.Self), Identity: identity, Proxy: cfg.Proxy, Logger: cfg.Logger,
	})
	if err != nil {
		return s, err
	}
	defer link.Close()
	answer, err := link.Request(ctx, msgDuty, nil)
	if err != nil {
		return s, err
	}
	var now duty
	if err := json.Unmarshal(answer, &now); err != nil {
		return s, fmt.Errorf("what is due: %w", err)
	}
	s.Hub, s.Due = time.Unix(now.Now, 0).UTC(), now.Due.What
	policy := ledger.PolicyOf(c)
	s.Witnesses = len(policy.Witnesses)
	if len(now.Checkpoint) == 0 {
		return s, nil
	}
	s.Checkpoint, err = ledger.ParseCheckpoint(now.Checkpoint, policy)
	return s, err
}
