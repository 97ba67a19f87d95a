package main

import (
	"context"
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// What a script of argocd-cm is given unless it asks for more: no string, math, io or debug. Argo CD's os,
// with time and date alone, is left out: health that depends on the time would flap.
// Source: argoproj/argo-cd, util/lua/lua.go.
var libraries = map[string]lua.LGFunction{
	lua.LoadLibName: lua.OpenPackage,
	lua.BaseLibName: lua.OpenBase,
	lua.TabLibName:  lua.OpenTable,
}

// Longer ones are cancelled there as well.
const timeout = time.Second

var healths = map[string]bool{"Healthy": true, "Progressing": true, "Degraded": true, "Suspended": true}

func argo(object *unstructured.Unstructured, script string) (verdict, error) {
	// Argo CD asks no script about objects that are being deleted.
	// Source: argoproj/argo-cd, gitops-engine/pkg/health/health.go.
	if object.GetDeletionTimestamp() != nil {
		return verdict{"Progressing", "Pending deletion"}, nil
	}
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range libraries {
		call := lua.P{Fn: state.NewFunction(open), Protect: true}
		if err := state.CallByParam(call, lua.LString(name)); err != nil {
			return verdict{}, err
		}
	}
	ends, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	state.SetContext(ends)
	state.SetGlobal("obj", value(state, object.Object))
	if err := state.DoString(script); err != nil {
		return verdict{}, err
	}
	health, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return verdict{}, fmt.Errorf("found %s, wanted a table", state.Get(-1).Type())
	}
	found := verdict{text(health, "status"), text(health, "message")}
	if !healths[found.Status] {
		return verdict{}, fmt.Errorf("found status %q, wanted one of Argo CD's", found.Status)
	}
	return found, nil
}

func text(table *lua.LTable, field string) string {
	if found, ok := table.RawGetString(field).(lua.LString); ok {
		return string(found)
	}
	return ""
}

func value(state *lua.LState, of any) lua.LValue {
	switch of := of.(type) {
	case bool:
		return lua.LBool(of)
	case string:
		return lua.LString(of)
	case int64:
		return lua.LNumber(of)
	case float64:
		return lua.LNumber(of)
	case []any:
		table := state.CreateTable(len(of), 0)
		for _, item := range of {
			table.Append(value(state, item))
		}
		return table
	case map[string]any:
		table := state.CreateTable(0, len(of))
		for key, item := range of {
			table.RawSetString(key, value(state, item))
		}
		return table
	default:
		return lua.LNil
	}
}
