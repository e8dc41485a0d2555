/** The release of the official suite that is run. Another one may have other scenarios: see {@link SCENARIOS}. */
export const SUITE = '@modelcontextprotocol/conformance@0.2.0-alpha.12';

/** Those that the suite has the tools, resources and prompts of a server tried in. */
export const REVISIONS = ['2025-06-18', '2025-11-25', '2026-07-28'] as const;

export type Revision = (typeof REVISIONS)[number];

const IN_ALL_REVISIONS = [
  'completion-complete',
  'tools-list',
  'tools-call-simple-text',
  'tools-call-image',
  'tools-call-audio',
  'tools-call-embedded-resource',
  'tools-call-mixed-content',
  'tools-call-error',
  'tools-call-with-progress',
  'resources-list',
  'resources-read-text',
  'resources-read-binary',
  'resources-templates-read',
  'prompts-list',
  'prompts-get-simple',
  'prompts-get-with-args',
  'prompts-get-embedded-resource',
  'prompts-get-with-image',
];

const WITH_SESSIONS = [
  'server-initialize',
  'server-session-lifecycle',
  'logging-set-level',
  'ping',
  'tools-call-with-logging',
  'tools-call-sampling',
  'tools-call-elicitation',
  'resources-subscribe',
  'resources-unsubscribe',
];

const SINCE_2025_11_25 = ['json-schema-2020-12', 'server-sse-multiple-streams', 'dns-rebinding-protection'];

/**
 * All that `conformance list --server --spec-version V` names, by V: neither tasks nor skills, which are extensions.
 * One that does not run is a failure.
 */
export const SCENARIOS: Readonly<Record<Revision, readonly string[]>> = {
  '2025-06-18': [...WITH_SESSIONS, ...IN_ALL_REVISIONS],
  '2025-11-25': [
    ...WITH_SESSIONS,
    ...IN_ALL_REVISIONS,
    ...SINCE_2025_11_25,
    'elicitation-sep1034-defaults',
    'elicitation-sep1330-enums',
    'server-sse-polling',
  ],
  '2026-07-28': [
    'server-stateless',
    ...IN_ALL_REVISIONS,
    ...SINCE_2025_11_25,
    'sep-2164-resource-not-found',
    'caching',
    'http-header-validation',
    'http-custom-header-server-validation',
    'input-required-result-basic-elicitation',
    'input-required-result-basic-sampling',
    'input-required-result-basic-list-roots',
    'input-required-result-request-state',
    'input-required-result-multiple-input-requests',
    'input-required-result-multi-round',
    'input-required-result-missing-input-response',
    'input-required-result-non-tool-request',
    'input-required-result-result-type',
    'input-required-result-unsupported-methods',
    'input-required-result-tampered-state',
    'input-required-result-capability-check',
    'input-required-result-ignore-extra-params',
    'input-required-result-validate-input',
  ],
};

/** Checks that must succeed because their scenario does not fail without them, whatever the server does wrong there. */
export const REQUIRED_CHECKS: Readonly<Record<string, readonly string[]>> = {
  'server-sse-polling': ['server-sse-disconnect-resume'],
  'server-stateless': [
    'sep-2575-server-identifies-in-result-meta',
    'sep-2575-server-sends-tools-list-changed-on-subscription',
    'sep-2575-server-sends-prompts-list-changed-on-subscription',
  ],
  'input-required-result-validate-input': [
    'sep-2322-validate-input-responses',
    'sep-2322-error-on-protocol-error',
  ],
};
