{{- define "imds-anywhere.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* The ports of the endpoints, one per role, each with a leading space. */}}
{{- define "imds-anywhere.endpointPorts" -}}
{{- range .Values.config.roles }}{{ with .imds }} {{ .listen | default "127.0.0.1:9911" | splitList ":" | last }}{{ end }}{{ end }}
{{- end }}

{{/* The port that probes and scrapes ask. */}}
{{- define "imds-anywhere.adminPort" -}}
{{- required "config.admin.listen is missing: the probes need it" (dig "admin" "listen" "" .Values.config) | splitList ":" | last }}
{{- end }}

{{- define "imds-anywhere.endpointName" -}}
imds{{ if ne . "9911" }}-{{ . }}{{ end }}
{{- end }}

{{/* Whether the daemon serves pods by the tokens of their service accounts. */}}
{{- define "imds-anywhere.servesPods" -}}
{{- and (eq .Values.mode "daemonset") .Values.podIdentity.enabled }}
{{- end }}

{{/* Settings for the restricted Pod Security Standard, readable volumes, and the choice of nodes. */}}
{{- define "imds-anywhere.podSettings" -}}
automountServiceAccountToken: {{ include "imds-anywhere.servesPods" . | eq "true" }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
terminationGracePeriodSeconds: 30
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{/* The parts of the container that both modes share. */}}
{{- define "imds-anywhere.container" -}}
{{- with .Values.env -}}
env:
  {{- toYaml . | nindent 2 }}
{{ end -}}
readinessProbe:
  httpGet:
    path: /readyz
    port: admin
  periodSeconds: 10
livenessProbe:
  httpGet:
    path: /livez
    port: admin
  periodSeconds: 10
  failureThreshold: 6
{{ include "imds-anywhere.confinement" . }}
{{- end }}

{{/* What a container of the daemon may use and see. */}}
{{- define "imds-anywhere.confinement" -}}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop:
      - ALL
volumeMounts:
  - name: imds-anywhere-config
    mountPath: /etc/imds-anywhere
    readOnly: true
  # Mount the directory: Kubernetes does not update a subPath when the certificate is renewed.
  - name: imds-anywhere-identity
    mountPath: /identity
    readOnly: true
  - name: imds-anywhere-state
    mountPath: /state
{{- end }}

{{/* A native sidecar, for initContainers. */}}
{{- define "imds-anywhere.sidecar" -}}
name: imds-anywhere
image: {{ include "imds-anywhere.image" . }}
restartPolicy: Always
args:
  - serve
  - /etc/imds-anywhere/config.yaml
ports:
  - name: admin
    containerPort: {{ include "imds-anywhere.adminPort" . }}
    protocol: TCP
# The application starts after this probe succeeds, so its first call finds credentials. Wait ten minutes: the daemon
# retries by itself, and a restart does not help.
startupProbe:
  httpGet:
    path: /readyz
    port: admin
  periodSeconds: 1
  failureThreshold: 600
{{ include "imds-anywhere.container" . }}
{{- end }}

{{- define "imds-anywhere.volumes" -}}
- name: imds-anywhere-config
  configMap:
    name: {{ .Values.name }}
- name: imds-anywhere-identity
  secret:
    secretName: {{ .Values.identity.secretName }}
    # 0440
    defaultMode: 288
- name: imds-anywhere-state
  emptyDir:
    medium: Memory
    sizeLimit: 1Mi
{{- end }}
