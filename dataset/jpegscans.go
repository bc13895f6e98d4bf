package dataset

import "bytes"

// Limits of a progressive JPEG, whose decoder passes over every block of the
// image once a scan, however few bytes the scan has. Encoders write about ten.
const (
	maxScans      = 100
	maxScanPixels = 12 * maxPixels // pixels by scans
)

// checkScans refuses a JPEG image of more scans than its decoding is worth.
func checkScans(data []byte, pixels int) error {
	scans := bytes.Count(data, []byte{0xff, 0xda})
	if scans > maxScans {
		return inputFault("", "", "JPEG image of %d scans, limit %d", scans, maxScans)
	}
	if scans > 1 && scans > maxScanPixels/pixels {
		return inputFault("", "", "JPEG image of %d scans of %d pixels, limit %d pixels in all", scans, pixels, maxScanPixels)
	}
	return nil
}
