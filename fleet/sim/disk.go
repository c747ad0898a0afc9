package sim

import (
	"errors"
	"slices"
)

// errDisk is a disk that has no room.
var errDisk = errors.New("no space left on device")

// disk is what a party keeps through crashes: the journals and stores of its rounds.
type disk struct {
	net     *network
	journal map[string][][]byte
	files   map[string][]byte
}

func newDisk(n *network) *disk {
	return &disk{net: n, journal: map[string][][]byte{}, files: map[string][]byte{}}
}

// round is the part of a disk that belongs to one round: a Journal and a Store.
type round struct {
	*disk
	name string
}

func (r round) Entries() ([][]byte, error) { return r.journal[r.name], nil }

func (r round) Append(entry []byte) error {
	if r.net.happens(r.net.faults.Disk) {
		return errDisk
	}
	r.journal[r.name] = append(r.journal[r.name], slices.Clone(entry))
	return nil
}

func (r round) Put(name string, data []byte) error {
	if r.net.happens(r.net.faults.Disk) {
		return errDisk
	}
	r.files[r.name+"/"+name] = slices.Clone(data)
	return nil
}

func (r round) Get(name string) ([]byte, error) {
	data, ok := r.files[r.name+"/"+name]
	if !ok {
		return nil, errors.New("no file " + name)
	}
	return data, nil
}
