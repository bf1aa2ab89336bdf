import { Check, LogOut, ShieldCheck, UserRound, UsersRound } from 'lucide-react';
import { DropdownMenu } from 'radix-ui';
import { useNavigate } from 'react-router';
import { Icon } from '@/components/Icon';
import { signOut, switchClient, useSession } from '@/lib/session';
import { paths } from './paths';
import { SwitchButton, type SwitchLook } from './PersonSwitch';
import { useShellWords } from './words';

const item = 'flex min-h-11 cursor-pointer items-center gap-3 rounded-sm px-3 py-2 outline-none data-highlighted:bg-accent-tint data-highlighted:text-accent-text';

/** Loaded when first reached for, and then opened at once. */
export default function PersonMenu({ look }: { look: SwitchLook }) {
  const { t } = useShellWords();
  const session = useSession();
  const navigate = useNavigate();
  if (session.status !== 'signed-in') return null;
  const { clients } = session.session;

  const showRecordOf = (clientId: string) => {
    if (clientId === session.clientId) return;
    switchClient(clientId);
    // The page on screen belongs to the former person.
    void navigate(paths.home);
  };

  return (
    // Not modal: Radix' scroll lock injects an inline style, which the content security policy refuses.
    <DropdownMenu.Root modal={false} defaultOpen>
      <DropdownMenu.Trigger asChild>
        <SwitchButton look={look} />
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align="end"
          sideOffset={8}
          collisionPadding={12}
          className="z-(--z-sheet) min-w-60 rounded-md border border-line bg-raised p-2 text-ink shadow-2 motion-safe:animate-fade"
        >
          {clients.length > 1 && (
            <>
              <DropdownMenu.Label className="px-3 py-1 text-sm text-ink-2">{t('whose')}</DropdownMenu.Label>
              <DropdownMenu.RadioGroup value={session.clientId} onValueChange={showRecordOf}>
                {clients.map((one) => (
                  <DropdownMenu.RadioItem key={one.clientId} value={one.clientId} className={item}>
                    <span className="min-w-0 flex-1">
                      {one.firstName} {one.lastName}
                      {one.relationship === 'self' && <span className="block text-sm text-ink-2">{t('own')}</span>}
                    </span>
                    <DropdownMenu.ItemIndicator>
                      <Icon of={Check} small />
                    </DropdownMenu.ItemIndicator>
                  </DropdownMenu.RadioItem>
                ))}
              </DropdownMenu.RadioGroup>
              <DropdownMenu.Separator className="my-2 border-t border-line" />
            </>
          )}
          <DropdownMenu.Item className={item} onSelect={() => void navigate(paths.profile)}>
            <Icon of={UserRound} small />
            {t('profile')}
          </DropdownMenu.Item>
          <DropdownMenu.Item className={item} onSelect={() => void navigate(paths.security)}>
            <Icon of={ShieldCheck} small />
            {t('security')}
          </DropdownMenu.Item>
          <DropdownMenu.Item className={item} onSelect={() => void navigate(paths.family)}>
            <Icon of={UsersRound} small />
            {t('family')}
          </DropdownMenu.Item>
          <DropdownMenu.Item className={item} onSelect={() => void signOut()}>
            <Icon of={LogOut} small />
            {t('signOut')}
          </DropdownMenu.Item>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
