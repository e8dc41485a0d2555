// dynalite ships no types; these are the parts in use.
declare module 'dynalite' {
  import type { Server } from 'node:http';

  export interface DynaliteOptions {
    /** Directory of the LevelDB files. */
    path?: string;
    /** How long a table stays CREATING, DELETING or UPDATING, in ms. */
    createTableMs?: number;
    deleteTableMs?: number;
    updateTableMs?: number;
  }

  export default function dynalite(options?: DynaliteOptions): Server;
}
