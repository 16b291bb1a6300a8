package testlog

import (
	"fmt"
	"os"
)

// FlipBit inverts one bit of a file: bit 0 is the lowest of the first octet. A
// negative bit counts from the end, -1 being the highest bit of the last octet.
func FlipBit(path string, bit int64) error {
	return editFile(path, func(b []byte) ([]byte, error) {
		if bit < 0 {
			bit += int64(len(b)) * 8
		}
		if bit < 0 || bit >= int64(len(b))*8 {
			return nil, fmt.Errorf("bit %d is not in its %d octets", bit, len(b))
		}
		b[bit/8] ^= 1 << (bit % 8)
		return b, nil
	})
}

// Truncate cuts n octets off the end of a file.
func Truncate(path string, n int) error {
	return editFile(path, func(b []byte) ([]byte, error) {
		if n > len(b) {
			return nil, fmt.Errorf("it has only %d octets", len(b))
		}
		return b[:len(b)-n], nil
	})
}

// Extend appends octets to a file.
func Extend(path string, extra []byte) error {
	return editFile(path, func(b []byte) ([]byte, error) { return append(b, extra...), nil })
}

// Swap exchanges the contents of two files.
func Swap(a, b string) error {
	contentA, err := os.ReadFile(a)
	if err != nil {
		return fmt.Errorf("swapping files: %w", err)
	}
	contentB, err := os.ReadFile(b)
	if err != nil {
		return fmt.Errorf("swapping files: %w", err)
	}
	if err := os.WriteFile(a, contentB, 0o644); err != nil {
		return fmt.Errorf("swapping files: %w", err)
	}
	if err := os.WriteFile(b, contentA, 0o644); err != nil {
		return fmt.Errorf("swapping files: %w", err)
	}
	return nil
}

func editFile(path string, edit func([]byte) ([]byte, error)) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("breaking file: %w", err)
	}
	if b, err = edit(b); err != nil {
		return fmt.Errorf("breaking %s: %w", path, err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		return fmt.Errorf("breaking file: %w", err)
	}
	return nil
}
