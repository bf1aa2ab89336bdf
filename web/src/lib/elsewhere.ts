import { ApiError, apiErrorOf, pb } from './pb';

/** The browser did not let us open a second window. */
export class WindowBlocked extends Error {}

/** The second window brought nothing, or a refusal that is not the clinic's. */
export class ElsewhereFailed extends Error {}

/**
 * Signs in with an account elsewhere, or connects it when somebody is signed in, in a window of its own. It must be
 * called by a press: browsers open no other windows. Whether that window was closed cannot be known here.
 */
export async function askElsewhere(provider: string): Promise<void> {
  const beside = openBeside();
  try {
    await pb.collection('portal_users').authWithOAuth2({ provider, urlCallback: (url) => beside.location.replace(url) });
  } catch (cause) {
    const error = apiErrorOf(cause);
    throw error instanceof ApiError && error.status !== 0 ? error : new ElsewhereFailed();
  } finally {
    // Once it has been elsewhere the two are cut apart (Cross-Origin-Opener-Policy), and it closes itself or says that it can be.
    beside.close();
  }
}

function openBeside(): Window {
  const [width, height] = [Math.min(1024, window.innerWidth), Math.min(768, window.innerHeight)];
  const beside = window.open('', 'anteroom-elsewhere', `popup,width=${width},height=${height}`);
  if (!beside) throw new WindowBlocked();
  return beside;
}
