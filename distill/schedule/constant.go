package schedule

func init() {
	register(Entry{Name: "constant", Form: "constant", Doc: "the setting all along"})
}
