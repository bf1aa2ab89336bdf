import { KeyRound } from 'lucide-react';
import { useState, type FormEvent } from 'react';
import { Banner } from '@/components/Banner';
import { Button } from '@/components/Button';
import { Row, Rows, Section } from '@/components/Card';
import { ConfirmDialog } from '@/components/ConfirmDialog';
import { Dialog } from '@/components/Dialog';
import { Failure } from '@/components/Failure';
import { TextInput } from '@/components/Field';
import { QueryView } from '@/components/QueryView';
import { Skeleton } from '@/components/Skeleton';
import { useToast } from '@/components/Toast';
import { useConfig } from '@/lib/config';
import { useFormat } from '@/lib/format';
import { canUsePasskeys, passkeysLiveHere } from '@/lib/passkey';
import { api } from '@/lib/pb';
import { useProven } from '@/lib/proof';
import { useChanged, usePasskeys, type Passkey } from './data';
import { guessDevice, makePasskey, passkeyProblem } from './makePasskey';
import { useSecurityWords } from './words';

const longestName = 60;

type Open = { what: 'add' } | { what: 'rename' | 'remove'; passkey: Passkey };

/** Keys on one's devices: add, name, remove. */
export function PasskeysSection() {
  const { t } = useSecurityWords();
  const query = usePasskeys(true);
  const toast = useToast();
  const changed = useChanged();
  const [open, setOpen] = useState<Open>();
  const close = () => setOpen(undefined);
  const { passkeyRpId } = useConfig();
  const supported = canUsePasskeys();
  const remove = useProven((id: string) => api<unknown>(`auth/passkeys/${encodeURIComponent(id)}`, { method: 'DELETE' }));

  return (
    <Section title={t('passkeys')}>
      <p className="mb-4 max-w-(--measure) text-ink-2">{t('passkeysLead')}</p>
      <QueryView query={query} skeleton={<Skeleton count={1} />}>
        {({ passkeys }) =>
          passkeys.length > 0 && (
            <Rows className="mb-4">
              {passkeys.map((one) => (
                <PasskeyRow key={one.id} passkey={one} onRename={() => setOpen({ what: 'rename', passkey: one })} onRemove={() => setOpen({ what: 'remove', passkey: one })} />
              ))}
            </Rows>
          )
        }
      </QueryView>
      {supported ? (
        <Button icon={KeyRound} onClick={() => setOpen({ what: 'add' })}>
          {t('passkeyAdd')}
        </Button>
      ) : (
        <Banner>{passkeysLiveHere() ? t('passkeysUnsupported') : t('passkeysElsewhere', { host: `${passkeyRpId}${location.port && `:${location.port}`}` })}</Banner>
      )}
      {open?.what === 'add' && <AddPasskey onClose={close} />}
      {open?.what === 'rename' && <RenamePasskey passkey={open.passkey} onClose={close} />}
      {open?.what === 'remove' && (
        <ConfirmDialog
          title={t('removeTitle', { name: open.passkey.name })}
          action={t('remove')}
          busyLabel={t('removing')}
          keep={t('keep')}
          act={remove}
          onClose={close}
          onConfirm={async () => {
            if (!(await remove.run(open.passkey.id))) return;
            close();
            toast(t('removed'));
            await changed();
          }}
        >
          {t('removeBody')}
        </ConfirmDialog>
      )}
    </Section>
  );
}

function PasskeyRow({ passkey, onRename, onRemove }: { passkey: Passkey; onRename: () => void; onRemove: () => void }) {
  const { t } = useSecurityWords();
  const format = useFormat();
  return (
    <Row
      icon={KeyRound}
      title={passkey.name}
      meta={[
        t('added', { day: format.date(passkey.createdAt) }),
        passkey.lastUsedAt ? t('lastUsed', { ago: format.ago(passkey.lastUsedAt) }) : t('neverUsed'),
        t(passkey.deviceType === 'synced' ? 'passkeySynced' : 'passkeyOnce'),
      ]}
      asideBelow
      aside={
        <div className="flex flex-wrap gap-2">
          <Button small variant="quiet" aria-label={t('renameOf', { name: passkey.name })} onClick={onRename}>
            {t('rename')}
          </Button>
          <Button small variant="quiet" aria-label={t('removeOf', { name: passkey.name })} onClick={onRemove}>
            {t('remove')}
          </Button>
        </div>
      }
    />
  );
}

function AddPasskey({ onClose }: { onClose: () => void }) {
  const { t } = useSecurityWords();
  const toast = useToast();
  const changed = useChanged();
  const [name, setName] = useState(() => t(`guess.${guessDevice()}`));
  const add = useProven(makePasskey);
  const problem = passkeyProblem(add.error);
  const submit = async () => {
    if (!(await add.run(name.trim()))) return;
    onClose();
    toast(t('passkeyAdded'));
    await changed();
  };
  return (
    <Dialog open onClose={onClose} focus="field" title={t('passkeyAddTitle')}>
      <p className="mb-4">{t('passkeyAddBody')}</p>
      <Failure
        own
        error={problem ? new Error(t(problem)) : add.error}
        says={{ PASSKEY_KNOWN: t('passkeyKnown'), PASSKEY_INVALID: t('passkeyInvalid') }}
      />
      <NameForm name={name} onName={setName} action={t('passkeyAdd')} busy={add.busy} busyLabel={t('passkeyAdding')} onSubmit={submit} onClose={onClose} />
    </Dialog>
  );
}

function RenamePasskey({ passkey, onClose }: { passkey: Passkey; onClose: () => void }) {
  const { t } = useSecurityWords();
  const toast = useToast();
  const changed = useChanged();
  const [name, setName] = useState(passkey.name);
  const rename = useProven((to: string) => api<Passkey>(`auth/passkeys/${encodeURIComponent(passkey.id)}`, { method: 'PATCH', body: { name: to } }));
  const submit = async () => {
    if (!(await rename.run(name.trim()))) return;
    onClose();
    toast(t('saved'));
    await changed();
  };
  return (
    <Dialog open onClose={onClose} focus="field" title={t('renameTitle')}>
      <Failure error={rename.error} />
      <NameForm name={name} onName={setName} action={t('save')} busy={rename.busy} busyLabel={t('saving')} onSubmit={submit} onClose={onClose} />
    </Dialog>
  );
}

interface NameFormProps {
  name: string;
  onName: (name: string) => void;
  action: string;
  busy: boolean;
  busyLabel: string;
  onSubmit: () => Promise<void>;
  onClose: () => void;
}

function NameForm({ name, onName, action, busy, busyLabel, onSubmit, onClose }: NameFormProps) {
  const { t } = useSecurityWords();
  const [missing, setMissing] = useState(false);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    setMissing(!name.trim());
    if (name.trim()) void onSubmit();
    else document.getElementById('passkeyName')?.focus();
  };
  return (
    <form onSubmit={submit} noValidate>
      <TextInput
        label={t('passkeyName')}
        hint={t('passkeyNameHint')}
        name="passkeyName"
        autoComplete="off"
        maxLength={longestName}
        value={name}
        onChange={(event) => onName(event.target.value)}
        error={missing ? t('passkeyNameMissing') : undefined}
      />
      <div className="mt-6 flex flex-col gap-3 sm:flex-row-reverse sm:flex-wrap">
        <Button variant="primary" type="submit" busy={busy} busyLabel={busyLabel}>
          {action}
        </Button>
        <Button variant="quiet" onClick={onClose}>
          {t('cancel')}
        </Button>
      </div>
    </form>
  );
}
