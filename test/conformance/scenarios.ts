/** The release of the official suite that is run. Another one may have other scenarios: see {@link SCENARIOS}. */
export const SUITE = '@modelcontextprotocol/conformance@0.2.0-alpha.12';
export const SPEC_VERSION = '2025-11-25';

/** All that `conformance list --server --spec-version 2025-11-25` names. One that does not run is a failure. */
export const SCENARIOS: readonly string[] = [
  'server-initialize',
  'server-session-lifecycle',
  'logging-set-level',
  'ping',
  'completion-complete',
  'tools-list',
  'tools-call-simple-text',
  'tools-call-image',
  'tools-call-audio',
  'tools-call-embedded-resource',
  'tools-call-mixed-content',
  'tools-call-with-logging',
  'tools-call-error',
  'tools-call-with-progress',
  'tools-call-sampling',
  'tools-call-elicitation',
  'json-schema-2020-12',
  'elicitation-sep1034-defaults',
  'server-sse-polling',
  'server-sse-multiple-streams',
  'elicitation-sep1330-enums',
  'resources-list',
  'resources-read-text',
  'resources-read-binary',
  'resources-templates-read',
  'resources-subscribe',
  'resources-unsubscribe',
  'prompts-list',
  'prompts-get-simple',
  'prompts-get-with-args',
  'prompts-get-embedded-resource',
  'prompts-get-with-image',
  'dns-rebinding-protection',
];

/** Checks that must succeed because their scenario never fails, whatever the server does wrong there. */
export const REQUIRED_CHECKS: Readonly<Record<string, readonly string[]>> = {
  'server-sse-polling': ['server-sse-disconnect-resume'],
};
