{{/* What the operator may do where MLApis live; explained line by line in docs/reference/rbac.md. */}}
{{- define "mlapi-operator.rules" -}}
- apiGroups: [mlapi.dev]
  resources: [mlapis]
  verbs: [list, watch]
- apiGroups: [mlapi.dev]
  resources: [mlapis/status]
  verbs: [patch]
- apiGroups: [apps]
  resources: [deployments, controllerrevisions]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [services, configmaps]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{- define "mlapi-operator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "mlapi-operator.name" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}
