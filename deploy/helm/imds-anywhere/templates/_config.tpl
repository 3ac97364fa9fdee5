{{/* Rejects invalid ARNs, such as the placeholders of values.yaml: otherwise an install would wait ten minutes for nothing. */}}
{{- define "imds-anywhere.checkArn" -}}
{{- if not (regexMatch "^arn:aws[a-z-]*:(rolesanywhere|iam):[a-z0-9-]*:[0-9]{12}:[^ ]+$" (toString .arn)) }}
{{- fail (printf "%s is %q, which is not an ARN: set it in a values file (docs/kubernetes.md)" .key (toString .arn)) }}
{{- end }}
{{- end }}

{{/* In daemonset mode, clients use the name of the Service, which depends on the namespace. Accept these names as Host. */}}
{{- define "imds-anywhere.config" -}}
{{- $config := deepCopy .Values.config }}
{{- $service := printf "%s.%s" .Values.name .Release.Namespace }}
{{- $hosts := list $service (printf "%s.svc" $service) (printf "%s.svc.%s" $service .Values.clusterDomain) }}
{{- range $key, $arn := pick (default dict $config.rolesAnywhere) "trustAnchorArn" "profileArn" }}
{{- include "imds-anywhere.checkArn" (dict "key" (printf "config.rolesAnywhere.%s" $key) "arn" $arn) }}
{{- end }}
{{- range $index, $role := $config.roles }}
{{- range $key, $arn := pick $role "roleArn" "trustAnchorArn" "profileArn" }}
{{- include "imds-anywhere.checkArn" (dict "key" (printf "config.roles[%d].%s" $index $key) "arn" $arn) }}
{{- end }}
{{- if and (eq $.Values.mode "daemonset") (not $.Values.podIdentity.enabled) (kindIs "map" $role.imds) }}
{{- $_ := set $role.imds "allowedHosts" (concat $hosts (default list $role.imds.allowedHosts) | uniq) }}
{{- end }}
{{- end }}
{{- if and (include "imds-anywhere.servesPods" . | eq "true") (not (dig "container" "kubernetes" "issuer" "" $config)) }}
{{- fail "podIdentity needs config.container.kubernetes with the issuer of the cluster (values-pod-identity.yaml)" }}
{{- end }}
{{- toYaml $config }}
{{- end }}
