package fault

import "errors"

// At names the file that err is about, where err is an Error that names none.
func At(path string, err error) error {
	var e *Error
	if !errors.As(err, &e) || e.Path != "" {
		return err
	}
	named := *e
	named.Path = path
	return &named
}
