{{- define "broker.labels" -}}
app.kubernetes.io/name: counterfoil-broker
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "broker.selector" -}}
app.kubernetes.io/name: counterfoil-broker
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "broker.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag }}{{ with .Values.image.digest }}@{{ . }}{{ end }}
{{- end }}

{{- define "broker.passphrase" -}}
{{- if and .Values.identity.passphraseSecret.name .Values.identity.vaultKey }}
{{- fail "identity: give passphraseSecret.name or vaultKey, not both" }}
{{- else if not (or .Values.identity.passphraseSecret.name .Values.identity.vaultKey) }}
{{- fail "identity: give passphraseSecret.name or vaultKey" }}
{{- end }}
{{- if .Values.identity.passphraseSecret.name }}, --passphrase-file, /etc/counterfoil/passphrase{{ end }}
{{- end }}

{{- define "broker.pod" -}}
serviceAccountName: {{ .Release.Name }}
automountServiceAccountToken: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
volumes:
  - name: home
    persistentVolumeClaim: {claimName: {{ .Values.home.claim }}}
  - name: tmp
    emptyDir: {sizeLimit: 1Gi}
  - name: secrets
    projected:
      defaultMode: 0440
      sources:
        - secret:
            name: {{ required "database.passwordSecret.name must be given" .Values.database.passwordSecret.name }}
            items: [{key: {{ .Values.database.passwordSecret.key }}, path: database_password}]
        {{- with .Values.identity.passphraseSecret }}
        {{- if .name }}
        - secret:
            name: {{ .name }}
            items: [{key: {{ .key }}, path: passphrase}]
        {{- end }}
        {{- end }}
        {{- with .Values.storage.optionsSecret }}
        {{- if .name }}
        - secret:
            name: {{ .name }}
            items: [{key: {{ .key }}, path: storage_options}]
        {{- end }}
        {{- end }}
        {{- if .Values.metrics.enabled }}
        - secret:
            name: {{ .Values.metrics.tokenSecret.name }}
            items: [{key: {{ .Values.metrics.tokenSecret.key }}, path: metrics_token}]
        {{- end }}
{{- end }}

{{- define "broker.container" -}}
image: {{ include "broker.image" . }}
imagePullPolicy: IfNotPresent
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
env:
  - name: POD_NAME
    valueFrom: {fieldRef: {fieldPath: metadata.name}}
  - name: COUNTERFOIL_BROKER_DATABASE_URL
    value: {{ .Values.database.url | quote }}
  - name: COUNTERFOIL_BROKER_DATABASE_PASSWORD_FILE
    value: /etc/counterfoil/database_password
  {{- with .Values.identity.vaultKey }}
  - name: COUNTERFOIL_BROKER_VAULT_KEY
    value: {{ . | quote }}
  {{- end }}
  {{- with .Values.storage.url }}
  - name: COUNTERFOIL_BROKER_STORAGE_URL
    value: {{ . | quote }}
  {{- end }}
  {{- if .Values.storage.optionsSecret.name }}
  - name: COUNTERFOIL_BROKER_STORAGE_OPTIONS
    value: /etc/counterfoil/storage_options
  {{- end }}
  {{- if .Values.metrics.enabled }}
  - name: COUNTERFOIL_BROKER_METRICS_HOST
    value: 0.0.0.0
  - name: COUNTERFOIL_BROKER_METRICS_PORT
    value: "8751"
  - name: COUNTERFOIL_BROKER_METRICS_TOKEN_FILE
    value: /etc/counterfoil/metrics_token
  {{- end }}
  {{- range $name, $value := .Values.settings }}
  - name: COUNTERFOIL_BROKER_{{ $name }}
    value: {{ $value | toString | quote }}
  {{- end }}
volumeMounts:
  - {name: home, mountPath: /var/lib/counterfoil}
  - {name: tmp, mountPath: /tmp}
  - {name: secrets, mountPath: /etc/counterfoil, readOnly: true}
{{- end }}
