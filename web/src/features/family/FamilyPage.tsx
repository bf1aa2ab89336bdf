import { UserPlus, UsersRound } from 'lucide-react';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { paths } from '@/app/paths';
import { Button, LinkButton } from '@/components/Button';
import { Row, Rows, Section } from '@/components/Card';
import { Chip } from '@/components/Chip';
import { ConfirmDialog } from '@/components/ConfirmDialog';
import { EmptyState } from '@/components/EmptyState';
import { HelpLine, Page } from '@/components/Page';
import { QueryView } from '@/components/QueryView';
import { useToast } from '@/components/Toast';
import { initials, useFormat } from '@/lib/format';
import { api } from '@/lib/pb';
import { useProven } from '@/lib/proof';
import { useInvalidate } from '@/lib/query';
import { checkSession, switchClient, useActingFor, useSession } from '@/lib/session';
import type { ActsFor } from '@/lib/types';
import { useAccess, type Access, type Person } from './data';
import { useFamilyWords } from './words';

/** Whose care one looks after, and who may look after the care of the one on screen. */
export function Component() {
  const { t } = useFamilyWords();
  return (
    <Page title={t('title')} lead={t('lead')} back={{ to: paths.profile, label: t('toProfile') }}>
      <ActingFor />
      <WhoMayAct />
    </Page>
  );
}

function ActingFor() {
  const { t } = useFamilyWords();
  const session = useSession();
  if (session.status !== 'signed-in') return null;
  const { clients } = session.session;
  const others = clients.filter((one) => one.relationship !== 'self');
  return (
    <Section title={t('actsFor')} className="">
      {others.length === 0 ? (
        <>
          <p className="max-w-(--measure)">{t('actsForNone')}</p>
          <HelpLine className="mt-2" />
        </>
      ) : (
        <Rows>
          {clients.map((one) => (
            <ClientRow key={one.clientId} client={one} onScreen={one.clientId === session.clientId} />
          ))}
        </Rows>
      )}
    </Section>
  );
}

function ClientRow({ client, onScreen }: { client: ActsFor; onScreen: boolean }) {
  const { t } = useFamilyWords();
  const format = useFormat();
  const navigate = useNavigate();
  const { firstName, relationship, scope, expiresAt } = client;
  const minor = relationship === 'parent' || relationship === 'guardian';
  const show = () => {
    switchClient(client.clientId);
    void navigate(paths.home);
  };
  return (
    <Row
      avatar={initials(client)}
      title={`${firstName} ${client.lastName}`}
      meta={[
        t(`you.${relationship}`),
        relationship !== 'self' && t(`scope.${scope}`),
        expiresAt && <span className="basis-full">{t(minor ? 'minorUntil' : 'until', { name: firstName, day: format.date(expiresAt) })}</span>,
      ]}
      asideBelow
      aside={
        onScreen ? (
          <span className="text-sm text-ink-2">{t('onScreen')}</span>
        ) : (
          <Button small aria-label={t('switchToName', { name: firstName })} onClick={show}>
            {t('switchTo')}
          </Button>
        )
      }
    />
  );
}

function WhoMayAct() {
  const { t } = useFamilyWords();
  const { client, forSomeoneElse } = useActingFor();
  const query = useAccess();
  const name = client?.firstName ?? '';
  // A part of the access does not show who else has some.
  const refused = forSomeoneElse && (query.error?.status === 404 || query.error?.status === 403);
  return (
    <Section title={forSomeoneElse ? t('whoOf', { name }) : t('who')}>
      {refused ? <p className="max-w-(--measure)">{t('whoRefused', { name })}</p> : <QueryView query={query}>{(access) => <People key={client?.clientId} access={access} />}</QueryView>}
    </Section>
  );
}

function People({ access }: { access: Access }) {
  const { t } = useFamilyWords();
  const { client, forSomeoneElse } = useActingFor();
  const toast = useToast();
  const navigate = useNavigate();
  const invalidate = useInvalidate();
  const [ending, setEnding] = useState<Person>();
  const end = useProven((id: string) => api<unknown>(`profile/access/${encodeURIComponent(id)}`, { method: 'DELETE' }));
  const clientName = client?.firstName ?? '';
  const people = access.people.filter((one) => !(one.you && one.relationship === 'self'));
  const invite = access.mayInvite && (
    <LinkButton icon={UserPlus} to={paths.invite}>
      {t('invite')}
    </LinkButton>
  );

  const confirm = async (person: Person) => {
    if (!(await end.run(person.id))) return;
    setEnding(undefined);
    toast(t(person.status === 'invited' ? 'withdrawn' : 'ended'));
    if (person.you) {
      // The record on screen is no longer one's to see: the session says who is left.
      await checkSession().catch(() => undefined);
      void navigate(paths.home);
    } else await invalidate('profile');
  };

  return (
    <>
      {people.length === 0 ? (
        <EmptyState icon={UsersRound} action={invite}>
          {forSomeoneElse ? t('whoNoneOf', { name: clientName }) : t('whoNone')}
        </EmptyState>
      ) : (
        <>
          <Rows>
            {people.map((one) => (
              <PersonRow key={one.id} person={one} clientName={clientName} onEnd={() => setEnding(one)} />
            ))}
          </Rows>
          {invite && <div className="mt-4">{invite}</div>}
        </>
      )}
      {!access.mayInvite && (
        <>
          <p className="mt-4 max-w-(--measure) text-ink-2">{t('mayNotInvite', { name: clientName })}</p>
          <HelpLine className="mt-1" />
        </>
      )}
      {ending && <EndDialog person={ending} clientName={clientName} act={end} onConfirm={() => confirm(ending)} onClose={() => setEnding(undefined)} />}
    </>
  );
}

const nameOf = (person: Person) => person.name.trim() || person.email;

function PersonRow({ person, clientName, onEnd }: { person: Person; clientName: string; onEnd: () => void }) {
  const { t } = useFamilyWords();
  const format = useFormat();
  const name = nameOf(person);
  const [firstName = '', ...rest] = name.split(/\s+/);
  const label = person.status === 'invited' ? 'withdraw' : 'end';
  return (
    <Row
      avatar={initials({ firstName, lastName: rest.at(-1) ?? '' })}
      title={<span className="break-words">{person.you ? t('nameYou', { name }) : name}</span>}
      chip={person.status === 'invited' && <Chip kind="waiting">{t('invited')}</Chip>}
      meta={[
        t(`relationship.${person.relationship}`),
        t(`scope.${person.scope}`),
        person.expiresAt ? t('until', { day: format.date(person.expiresAt) }) : t('noEnd'),
        person.name && <span className="basis-full break-all">{person.email}</span>,
      ]}
      asideBelow
      aside={
        person.canEnd && (
          <Button small aria-label={person.you ? t('endSelf', { name: clientName }) : t(`${label}Of`, { name })} onClick={onEnd}>
            {t(label)}
          </Button>
        )
      }
    />
  );
}

interface EndDialogProps {
  person: Person;
  clientName: string;
  act: { busy: boolean; error: Error | null; reset: () => void };
  onConfirm: () => Promise<void>;
  onClose: () => void;
}

function EndDialog({ person, clientName, act, onConfirm, onClose }: EndDialogProps) {
  const { t } = useFamilyWords();
  const name = person.you ? clientName : nameOf(person);
  const says = person.you
    ? { title: t('endSelfTitle', { name }), body: t('endSelfBody', { name }), action: t('endSelf', { name }) }
    : person.status === 'invited'
      ? { title: t('withdrawTitle'), body: t('withdrawBody', { name }), action: t('withdraw') }
      : { title: t('endTitle', { name }), body: t('endBody', { name }), action: t('end') };
  return (
    <ConfirmDialog title={says.title} action={says.action} busyLabel={t('ending')} keep={t('keep')} act={act} onConfirm={onConfirm} onClose={onClose}>
      {says.body}
    </ConfirmDialog>
  );
}
