// Reads objects as JSON from standard input, one after the other, and prints for each, as a line of JSON,
// what those who wait for it make of it: Argo CD with a health script, Flux with the expressions of a
// Kustomization, and kstatus, which Helm and Flux go by on their own.
//
//	gitops HEALTH.lua KUSTOMIZATION.yaml < objects
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type verdict struct {
	Status  string `json:"status"`
	Message string `json:"message,omitempty"`
}

type verdicts struct {
	Argo    verdict `json:"argo"`
	Flux    verdict `json:"flux"`
	Kstatus verdict `json:"kstatus"`
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gitops:", err)
		os.Exit(1)
	}
}

func run(arguments []string, in io.Reader, out io.Writer) error {
	if len(arguments) != 2 {
		return errors.New("usage: gitops HEALTH.lua KUSTOMIZATION.yaml < objects")
	}
	script, err := os.ReadFile(arguments[0])
	if err != nil {
		return err
	}
	flux, err := newFlux(arguments[1])
	if err != nil {
		return err
	}
	objects, judged := json.NewDecoder(in), json.NewEncoder(out)
	for {
		// UnmarshalJSON alone reads whole numbers as int64, as the clients of Argo CD and Flux do.
		var text json.RawMessage
		if err := objects.Decode(&text); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(text); err != nil {
			return err
		}
		var found verdicts
		if found.Argo, err = argo(object, string(script)); err != nil {
			return fmt.Errorf("%s: %w", arguments[0], err)
		}
		if found.Flux, err = flux.judge(object); err != nil {
			return fmt.Errorf("%s: %w", arguments[1], err)
		}
		result, err := status.Compute(object)
		if err != nil {
			return err
		}
		found.Kstatus = verdict{result.Status.String(), result.Message}
		if err := judged.Encode(found); err != nil {
			return err
		}
	}
}
