module mlapi.dev/e2e/gitops

go 1.26.0

require (
	github.com/fluxcd/cli-utils v1.2.2 // indirect
	github.com/fluxcd/pkg/runtime v0.111.0 // indirect
	github.com/yuin/gopher-lua v1.1.2 // indirect
	k8s.io/apimachinery v0.36.2 // indirect
)
