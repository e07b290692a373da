//go:build tools

// Package tools pins Consul, so that go.sum covers everything that is linked into it.
package tools

import _ "github.com/hashicorp/consul"
