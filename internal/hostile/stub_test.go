package hostile

func arrayRows() []row   { return nil }
func archiveRows() []row { return nil }
func imageRows() []row   { return nil }
func tableRows() []row   { return nil }
func idxRows() []row     { return nil }
func datasetRows() []row { return nil }
func folderRows() []row  { return nil }
