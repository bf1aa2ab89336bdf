import { ChevronDown } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import { cx } from '@/components/cx';
import { Avatar, Icon } from '@/components/Icon';
import { initials } from '@/lib/format';
import { usePicture } from '@/lib/picture';
import { useActingFor, useSession } from '@/lib/session';
import { useShellWords } from './words';

const loadMenu = () => import('./PersonMenu');
const PersonMenu = lazy(loadMenu);

export interface SwitchLook {
  name: string;
  fullName: string;
  letters: string;
  picture?: Blob;
  short?: boolean;
}

/** Whose record is on screen; opens the menu to change that, or to sign out. The menu's code loads when reached for. */
export function PersonSwitch({ short }: { short?: boolean }) {
  const session = useSession();
  const { client } = useActingFor();
  const picture = usePicture(client?.avatarUrl);
  const [reachedFor, setReachedFor] = useState(false);
  if (session.status !== 'signed-in') return null;
  const person = client ?? session.user;
  const look: SwitchLook = {
    name: short ? person.firstName : `${person.firstName} ${person.lastName}`,
    fullName: `${person.firstName} ${person.lastName}`,
    letters: initials(person),
    picture,
    short,
  };
  const plain = (
    <SwitchButton
      look={look}
      aria-haspopup="menu"
      aria-expanded={false}
      onPointerEnter={() => void loadMenu()}
      onFocus={() => void loadMenu()}
      onClick={() => setReachedFor(true)}
    />
  );
  if (!reachedFor) return plain;
  return (
    <Suspense fallback={plain}>
      <PersonMenu look={look} />
    </Suspense>
  );
}

export function SwitchButton({ look, className, ...button }: { look: SwitchLook } & React.ComponentProps<'button'>) {
  const { t } = useShellWords();
  return (
    <button
      {...button}
      type="button"
      aria-label={t('personMenu', { name: look.name })}
      className={cx(
        'flex min-h-11 items-center gap-2 border border-line bg-surface pl-1.5 text-left text-sm text-ink',
        look.short ? 'shrink-0 rounded-full pr-3' : 'w-full rounded-md py-2 pr-3 pl-2',
        className,
      )}
    >
      <Avatar initials={look.letters} picture={look.picture} size="small" />
      <span className={cx('min-w-0', look.short && 'max-w-28 truncate')}>{look.name}</span>
      <Icon of={ChevronDown} small className="ml-auto" />
    </button>
  );
}
