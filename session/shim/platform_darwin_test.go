package shim

const isLinux = false

func pipeSizeOf(int) int { return 0 }

func readParent(int) (int, error) { return 0, nil }
