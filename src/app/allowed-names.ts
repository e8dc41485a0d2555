/** What a list of names that requests may carry consists of. */
export interface NameRule {
  readonly pattern: RegExp;
  /** What each must be, for errors. */
  readonly rule: string;
}

/** A `Host` as requests have it, in lower case, which is all that such a name is compared with. */
export const ALLOWED_HOST: NameRule = {
  pattern: /^([\w.-]+|\[[\da-f:.]+\])(:\d+)?$/,
  rule: 'names such as app.example.com, each with a port or without',
};

/** The same of an `Origin`. */
export const ALLOWED_ORIGIN: NameRule = {
  pattern: /^(null|[a-z][a-z\d+.-]*:\/\/[^/?#@\s]*)$/,
  rule: 'origins such as https://app.example.com, without a path',
};
