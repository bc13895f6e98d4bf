package report

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/kdonnx/kdonnx/distill/metrics"
)

// Balance is how the transfer set is spread over the classes, beside the
// validation rows.
type Balance struct {
	N           int            `json:"n"`            // rows that are learned from
	Labelled    int            `json:"labelled"`     // of them with a label
	Val         int            `json:"val"`          // rows that validate
	ValLabelled int            `json:"val_labelled"` // of them with a label
	Classes     int            `json:"classes"`
	Listed      []ClassBalance `json:"listed"` // all, or of more than MaxBalance the rarest and the most frequent, by mass or rows
}

// ClassBalance is the rows of one class.
type ClassBalance struct {
	Class    int     `json:"class"`
	Labelled int     `json:"labelled"`           // rows with this label
	Answered *int    `json:"answered,omitempty"` // rows that the teacher answers so
	Mass     *Number `json:"mass,omitempty"`     // mean probability that the teacher gives it at T = 1

	ValLabelled int     `json:"val_labelled"`
	ValAnswered *int    `json:"val_answered,omitempty"`
	ValMass     *Number `json:"val_mass,omitempty"`
}

// MaxBalance is the largest number of classes that are all listed; of more, so
// many of each end are.
const (
	MaxBalance  = 128
	balanceEnds = 24
)

// NewBalance lists the classes. val is zero where there are no rows.
func NewBalance(transfer, val metrics.Balance) *Balance {
	b := &Balance{N: transfer.N, Labelled: transfer.Labelled, Val: val.N, ValLabelled: val.Labelled, Classes: len(transfer.Known)}
	for k, n := range transfer.Known {
		c := ClassBalance{Class: k, Labelled: n}
		c.Answered, c.Mass = said(transfer, k)
		if val.N > 0 {
			c.ValLabelled = val.Known[k]
			c.ValAnswered, c.ValMass = said(val, k)
		}
		b.Listed = append(b.Listed, c)
	}
	if b.Classes <= MaxBalance {
		return b
	}
	slices.SortStableFunc(b.Listed, func(x, y ClassBalance) int {
		if x.Mass != nil && y.Mass != nil && *x.Mass != *y.Mass {
			return cmp.Compare(*x.Mass, *y.Mass)
		}
		return cmp.Compare(x.Labelled, y.Labelled)
	})
	b.Listed = append(b.Listed[:balanceEnds:balanceEnds], b.Listed[len(b.Listed)-balanceEnds:]...)
	return b
}

// said is what a teacher says of class k.
func said(b metrics.Balance, k int) (*int, *Number) {
	if b.Answered == nil {
		return nil, nil
	}
	n, mass := b.Answered[k], Number(b.Mass[k])
	return &n, &mass
}

// balanceTable is what balance.tmpl shows.
type balanceTable struct {
	Note string
	Rows []balanceRow
}

type balanceRow struct {
	Name   string
	Values []string // labelled, answered, mass, and the same of the validation rows
	Mass   px       // bars, of 100
	Val    px
}

// newBalanceTable shows b; names are those of the classes, as far as there are.
func newBalanceTable(b *Balance, names []string) *balanceTable {
	if b == nil || len(b.Listed) == 0 {
		return nil
	}
	t := &balanceTable{Note: plural(b.N, "row") + ", " + thousands(int64(b.Labelled)) + " with a label; " + plural(b.Val, "validation row") + ", " + thousands(int64(b.ValLabelled)) + " with a label."}
	if b.Classes > len(b.Listed) {
		t.Note += " Of " + thousands(int64(b.Classes)) + " classes the rarest and the most frequent."
	}
	top := 0.0
	share := func(m *Number) float64 {
		if m == nil || !finite(float64(*m)) {
			return 0
		}
		return float64(*m)
	}
	for _, c := range b.Listed {
		top = max(top, share(c.Mass), share(c.ValMass))
	}
	number := func(n *int) string {
		if n == nil {
			return none
		}
		return thousands(int64(*n))
	}
	mass := func(m *Number) string {
		if m == nil || !finite(float64(*m)) {
			return none
		}
		return percent(float64(*m), 2)
	}
	for _, c := range b.Listed {
		r := balanceRow{Name: className(names, c.Class)}
		val := none
		if b.ValLabelled > 0 {
			val = thousands(int64(c.ValLabelled))
		}
		r.Values = []string{thousands(int64(c.Labelled)), number(c.Answered), mass(c.Mass), val, number(c.ValAnswered), mass(c.ValMass)}
		if top > 0 {
			r.Mass, r.Val = px(100*share(c.Mass)/top), px(100*share(c.ValMass)/top)
		}
		t.Rows = append(t.Rows, r)
	}
	return t
}

// balanceSheet is the spread over the classes, a row a class.
func balanceSheet(r *Report, add put) {
	b := r.Balance
	if b == nil {
		return
	}
	for _, c := range b.Listed {
		one := func(column, value string) { add("balance", "", className(r.Classes, c.Class), column, value) }
		count := func(column string, n *int) {
			if n != nil {
				one(column, strconv.Itoa(*n))
			}
		}
		mass := func(column string, m *Number) {
			if m != nil {
				one(column, number(float64(*m)))
			}
		}
		one("labelled", strconv.Itoa(c.Labelled))
		count("answered", c.Answered)
		mass("mass", c.Mass)
		one("val_labelled", strconv.Itoa(c.ValLabelled))
		count("val_answered", c.ValAnswered)
		mass("val_mass", c.ValMass)
	}
}

// className is the name of a class, or where it has none its number.
func className(names []string, class int) string {
	if class >= 0 && class < len(names) && names[class] != "" {
		return names[class]
	}
	return strconv.Itoa(class)
}
