package main

import (
	"context"
	"fmt"
	"os"

	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// The healthCheckExprs of one Kustomization, by the kind that they are for.
type flux map[string]*cel.StatusEvaluator

func newFlux(path string) (flux, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var kustomization struct {
		Spec struct {
			HealthCheckExprs []kustomize.CustomHealthCheck `json:"healthCheckExprs"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &kustomization); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	found := flux{}
	for _, check := range kustomization.Spec.HealthCheckExprs {
		evaluator, err := cel.NewStatusEvaluator(&check.HealthCheckExpressions)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, check.Kind, err)
		}
		found[check.APIVersion+" "+check.Kind] = evaluator
	}
	return found, nil
}

func (checks flux) judge(object *unstructured.Unstructured) (verdict, error) {
	kind := object.GetAPIVersion() + " " + object.GetKind()
	evaluator, ok := checks[kind]
	if !ok {
		return verdict{}, fmt.Errorf("no expressions for %s", kind)
	}
	result, err := evaluator.Evaluate(context.Background(), object)
	if err != nil {
		return verdict{}, err
	}
	return verdict{result.Status.String(), result.Message}, nil
}
