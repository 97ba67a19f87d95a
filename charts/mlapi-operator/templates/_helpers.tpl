{{/* One operator for each namespace: names are fixed, so a second release is refused by Helm, not discovered by two leaders. */}}
{{- define "mlapi-operator.name" -}}mlapi-operator{{- end }}

{{/* The Role in each of watchNamespaces; the operator's own namespace, which has the Lease's Role, may be one. */}}
{{- define "mlapi-operator.watch" -}}mlapi-operator-watch{{- end }}

{{- define "mlapi-operator.selector" -}}
app.kubernetes.io/name: mlapi-operator
app.kubernetes.io/component: operator
{{- end }}

{{/* The value of managed-by is Helm's: the operator selects its own children by managed-by=mlapi-operator. */}}
{{- define "mlapi-operator.labels" -}}
{{ include "mlapi-operator.selector" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "mlapi-operator.image" -}}
{{- $repository := required "image.repository is empty: name the repository of the operator's image" .Values.image.repository -}}
{{- $digest := required "image.digest is empty: give the digest of the operator's image, sha256:<64 hex>" .Values.image.digest -}}
{{- printf "%s@%s" $repository $digest -}}
{{- end }}
