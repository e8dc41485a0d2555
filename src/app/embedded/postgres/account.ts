import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';

/** A user of the system. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/**
 * A user without privileges: `nobody`, else the first that is not root. It must be in `/etc/passwd`,
 * because initdb looks its name up.
 */
export function unprivilegedAccount(): Account | undefined {
  const accounts = passwd();
  return accounts.find(({ name }) => name === 'nobody') ?? accounts.find(({ uid }) => uid !== 0);
}

/** Whether we have a name ourselves: in a container started with a bare uid we have none. */
export function haveName(): boolean {
  try {
    userInfo();
    return true;
  } catch {
    return false;
  }
}

function passwd(): (Account & { name: string })[] {
  let text: string;
  try {
    text = readFileSync('/etc/passwd', 'utf8');
  } catch {
    return [];
  }
  return text.split('\n').flatMap((line) => {
    const [name, , uid, gid] = line.split(':');
    return name && uid && gid ? [{ name, uid: Number(uid), gid: Number(gid) }] : [];
  });
}
