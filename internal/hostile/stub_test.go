package hostile

func imageRows() []row { return nil }

func datasetRows() []row { return nil }

func folderRows() []row { return nil }
