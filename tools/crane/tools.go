//go:build tools

// Package tools pins crane, so that go.sum covers everything that is linked into it.
package tools

import _ "github.com/google/go-containerregistry/cmd/crane"
