package training_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"testing"

	"comity/modeler/learn"
	"comity/training"
)

// Every member gets the sum of all, whether or not it is made under masks, and also when
// the vector is longer than one message.
func TestFederateAdds(t *testing.T) {
	for members := 1; members <= 5; members++ {
		err := training.Federate(t.Context(), members, rand.Reader, func(ctx context.Context, member int, sum learn.Summer) error {
			for k, length := range []int{1, 5, 1<<20 + 3} {
				x := make([]int64, length)
				for i := range x {
					x[i] = int64((member + 1) * (i + 1) % 1000)
				}
				got, err := sum.Sum(ctx, learn.Step{Name: fmt.Sprintf("a/%d", k), Bits: 64}, x)
				if err != nil {
					return err
				}
				for _, i := range []int{0, length / 2, length - 1} {
					var want int64
					for m := range members {
						want += int64((m + 1) * (i + 1) % 1000)
					}
					if got[i] != want || len(got) != length {
						return fmt.Errorf("step %d of %d values: value %d is %d, want %d", k, len(got), i, got[i], want)
					}
				}
				slices.Reverse(got) // Nobody else sees what a member does with its sum.
			}
			return nil
		})
		if err != nil {
			t.Errorf("%d members: %v", members, err)
		}
	}
}

// One member's error ends all, and is what is returned.
func TestFederateEnds(t *testing.T) {
	want := errors.New("no rows")
	for _, members := range []int{2, 4} {
		err := training.Federate(t.Context(), members, rand.Reader, func(ctx context.Context, member int, sum learn.Summer) error {
			if member == 1 {
				return want
			}
			_, err := sum.Sum(ctx, learn.Step{Name: "a", Bits: 32}, []int64{1})
			return err
		})
		if !errors.Is(err, want) {
			t.Errorf("%d members: %v", members, err)
		}
	}
	if err := training.Federate(t.Context(), 0, rand.Reader, nil); !errors.Is(err, training.ErrMembers) {
		t.Errorf("no members: %v", err)
	}
}

// Members that do not do the same are told so.
func TestFederateRefusesTwoSteps(t *testing.T) {
	for _, members := range []int{2, 3} {
		err := training.Federate(t.Context(), members, rand.Reader, func(ctx context.Context, member int, sum learn.Summer) error {
			_, err := sum.Sum(ctx, learn.Step{Name: fmt.Sprint("step-", member), Bits: 64}, []int64{1})
			return err
		})
		if err == nil {
			t.Errorf("%d members at different steps: no error", members)
		}
	}
}
