//go:build tools

// Package tools pins k6, so that go.sum covers everything that is linked into it.
package tools

import _ "go.k6.io/k6"
