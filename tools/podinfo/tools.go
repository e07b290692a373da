//go:build tools

// Package tools pins podinfo, so that go.sum covers everything that is linked into it.
package tools

import _ "github.com/stefanprodan/podinfo/cmd/podinfo"
