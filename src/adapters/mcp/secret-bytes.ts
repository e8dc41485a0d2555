/** Shortest secret that a seal takes, in bytes of its UTF-8. */
export const SECRET_BYTES = 32;
