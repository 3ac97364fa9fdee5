// Reads manifests from standard input as an API server with strict field validation would, and holds their pods against the
// "restricted" Pod Security Standard; both by Kubernetes' own code. Prints one line per object; ends with 1 after any complaint.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	certmanager "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	admission "k8s.io/api/admissionregistration/v1"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

func main() {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		admission.AddToScheme, apps.AddToScheme, batch.AddToScheme, core.AddToScheme, networking.AddToScheme, certmanager.AddToScheme, monitoring.AddToScheme,
	} {
		exitOn(add(scheme))
	}
	decoder := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	exitOn(err)

	documents := yaml.NewYAMLReader(bufio.NewReader(os.Stdin))
	refused := false
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		exitOn(err)
		complaints := check(decoder, evaluator, document)
		refused = refused || complaints
	}
	if refused {
		os.Exit(1)
	}
}

func check(decoder runtime.Decoder, evaluator policy.Evaluator, document []byte) bool {
	object, kind, err := decoder.Decode(document, nil, nil)
	if err != nil {
		fmt.Println(err)
		return true
	}
	name := object.(meta.Object).GetName()
	template := podTemplate(object)
	if template == nil {
		fmt.Printf("%s %s: fields known\n", kind.Kind, name)
		return false
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	verdict := policy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &template.ObjectMeta, &template.Spec))
	if verdict.Allowed {
		fmt.Printf("%s %s: fields known, pod security restricted\n", kind.Kind, name)
		return false
	}
	fmt.Printf("%s %s: %s: %s\n", kind.Kind, name, verdict.ForbiddenReason(), verdict.ForbiddenDetail())
	return true
}

func podTemplate(object runtime.Object) *core.PodTemplateSpec {
	switch workload := object.(type) {
	case *apps.Deployment:
		return &workload.Spec.Template
	case *apps.DaemonSet:
		return &workload.Spec.Template
	case *batch.Job:
		return &workload.Spec.Template
	}
	return nil
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}
