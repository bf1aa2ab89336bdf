import { UserPlus } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import { useLocation, useNavigate } from 'react-router';
import { paths } from '@/app/paths';
import { Actions, Button } from '@/components/Button';
import { ErrorSummary } from '@/components/ErrorSummary';
import { Checkbox, FieldError, RadioRows, Select, TextInput } from '@/components/Field';
import { HelpLine, Page, PageError, TaskPage } from '@/components/Page';
import { Skeleton } from '@/components/Skeleton';
import type { Problem } from '@/lib/forms';
import { useSession } from '@/lib/session';
import type { ActsFor, Service } from '@/lib/types';
import { useCatalogue } from './choices';
import { membersOf, missingIn, type GroupDraft, type GroupProblem } from './groupDraft';
import { useGroupWords } from './groupWords';
import { addressLine } from './parts';
import { type Catalogue } from './request';

const GroupTime = lazy(() => import('./GroupTime'));

/** /appointments/group: who and what, then a time, then one booking for all or none. */
export function Component() {
  const { t } = useGroupWords();
  const { catalogue, error, retry } = useCatalogue();
  const session = useSession();
  if (error && !catalogue) return <PageError error={error} onRetry={retry} />;
  if (!catalogue || session.status !== 'signed-in') {
    return (
      <TaskPage title={t('title')} back={{ to: paths.appointments, label: t('back') }}>
        <Skeleton shape="form" onRetry={retry} />
      </TaskPage>
    );
  }
  const clients = session.session.clients.filter((one) => one.scope !== 'billing');
  return <Group catalogue={catalogue} clients={clients} clientId={session.clientId} />;
}

const inOffice = (service: Service) => service.bookingMode === 'instant' && service.serviceLocations.includes('IN_OFFICE');

function Group({ catalogue, clients, clientId }: { catalogue: Catalogue; clients: ActsFor[]; clientId: string }) {
  const { t } = useGroupWords();
  const navigate = useNavigate();
  const location = useLocation();
  const services = catalogue.services.filter(inOffice);
  const only = catalogue.locations.length === 1 ? catalogue.locations[0]?.id : undefined;
  const [draft, setDraft] = useState<GroupDraft>({ people: { [clientId]: '' }, guests: [], locationId: only, payerClientId: clientId });
  const [problems, setProblems] = useState<Problem[]>([]);
  const [tries, setTries] = useState(0);
  const members = membersOf(draft, clients, (n) => t('guest', { n }));
  const missing = missingIn(draft, members);

  const said = (problem: GroupProblem): string => {
    switch (problem.kind) {
      case 'people':
        return t('errPeople');
      case 'mode':
        return t('errMode');
      case 'place':
        return t('errPlace');
      case 'service':
        return t('errService', { name: problem.name });
      case 'name':
        return t('errName', { n: problem.n });
    }
  };
  const goOn = () => {
    setProblems(missing.map((one) => ({ id: one.id, message: said(one) })));
    setTries(tries + 1);
    if (missing.length === 0) void navigate({}, { state: { step: 'time' } });
  };
  if ((location.state as { step?: string } | null)?.step === 'time' && missing.length === 0) {
    return (
      <Suspense fallback={<Page title={t('timeTitle')}><Skeleton shape="form" /></Page>}>
        <GroupTime catalogue={catalogue} clients={clients} draft={draft} members={members} services={services} />
      </Suspense>
    );
  }
  const change = (next: GroupDraft) => {
    setDraft(next);
    setProblems([]);
  };
  const errorOf = (id: string) => problems.find((one) => one.id === id)?.message;
  const options = [
    <option key="" value="">
      {t('choose')}
    </option>,
    ...services.map((one) => (
      <option key={one.id} value={one.id}>
        {one.name}
      </option>
    )),
  ];
  const payers = clients.filter((one) => one.scope === 'all');
  return (
    <TaskPage title={t('title')} lead={t('lead')} back={{ to: paths.appointments, label: t('back') }} step="people">
      {tries > 0 && <ErrorSummary key={tries} problems={problems} />}
      <div className="grid gap-8">
        <fieldset>
          <legend>
            <h2>{t('people')}</h2>
          </legend>
          {errorOf('people') && <FieldError id="people-error">{errorOf('people')}</FieldError>}
          <div className="mt-2 grid gap-3">
            {clients.map((one, index) => {
              const coming = one.clientId in draft.people;
              const { [one.clientId]: service = '', ...rest } = draft.people;
              const name = `${one.firstName} ${one.lastName}`;
              return (
                <div key={one.clientId} className="rounded-lg border border-line bg-surface px-5 py-3">
                  <Checkbox id={index === 0 ? 'people' : undefined} name={`person-${one.clientId}`} checked={coming} onChange={(event) => change({ ...draft, people: event.target.checked ? { ...draft.people, [one.clientId]: '' } : rest })}>
                    {one.relationship === 'self' ? t('you', { name }) : name}
                  </Checkbox>
                  {coming && (
                    <div className="pt-1 pb-2">
                      <Select name={`service-${one.clientId}`} label={t('serviceFor', { name: one.firstName })} error={errorOf(`service-${one.clientId}`)} value={service} onChange={(event) => change({ ...draft, people: { ...draft.people, [one.clientId]: event.target.value } })}>
                        {options}
                      </Select>
                    </div>
                  )}
                </div>
              );
            })}
          </div>
        </fieldset>
        <section aria-labelledby="guests">
          <h2 id="guests">{t('guests')}</h2>
          <p className="text-sm text-ink-2">{t('guestsHint')}</p>
          {draft.guests.map((guest, index) => {
            const set = (part: Partial<typeof guest>) => change({ ...draft, guests: draft.guests.map((one, at) => (at === index ? { ...one, ...part } : one)) });
            return (
              <fieldset key={index} className="mt-3 rounded-lg border border-line bg-surface px-5 py-4">
                <legend className="sr-only">{t('guest', { n: index + 1 })}</legend>
                <div className="grid gap-4 sm:grid-cols-2">
                  <TextInput name={`first-${index}`} label={t('firstName')} autoComplete="off" error={errorOf(`first-${index}`)} value={guest.firstName} onChange={(event) => set({ firstName: event.target.value })} />
                  <TextInput name={`last-${index}`} label={t('lastName')} autoComplete="off" error={errorOf(`last-${index}`)} value={guest.lastName} onChange={(event) => set({ lastName: event.target.value })} />
                </div>
                <div className="mt-4">
                  <Select name={`guest-service-${index}`} label={t('serviceFor', { name: guest.firstName.trim() || t('guest', { n: index + 1 }) })} error={errorOf(`guest-service-${index}`)} value={guest.serviceId} onChange={(event) => set({ serviceId: event.target.value })}>
                    {options}
                  </Select>
                </div>
                <Button variant="quiet" small className="mt-2 -ml-3" aria-label={t('removeGuest', { n: index + 1 })} onClick={() => change({ ...draft, guests: draft.guests.filter((_, at) => at !== index) })}>
                  {t('remove')}
                </Button>
              </fieldset>
            );
          })}
          <Button className="mt-3" icon={UserPlus} onClick={() => change({ ...draft, guests: [...draft.guests, { firstName: '', lastName: '', serviceId: '' }] })}>
            {t('addGuest')}
          </Button>
        </section>
        <RadioRows
          name="mode"
          legend={t('how')}
          legendAs="h2"
          error={errorOf('mode')}
          value={draft.mode}
          onChange={(mode) => change({ ...draft, mode: mode as GroupDraft['mode'] })}
          options={[
            { value: 'parallel', label: t('parallel'), detail: t('parallelHint') },
            { value: 'sequence', label: t('sequence'), detail: t('sequenceHint') },
          ]}
        />
        {catalogue.locations.length > 1 && (
          <RadioRows
            name="place"
            legend={t('place')}
            legendAs="h2"
            error={errorOf('place')}
            value={draft.locationId}
            onChange={(locationId) => change({ ...draft, locationId })}
            options={catalogue.locations.map((one) => ({ value: one.id, label: one.name, detail: addressLine(one.address) }))}
          />
        )}
        {payers.length > 1 && (
          <Select name="payer" label={t('payer')} value={draft.payerClientId} onChange={(event) => change({ ...draft, payerClientId: event.target.value })}>
            {payers.map((one) => (
              <option key={one.clientId} value={one.clientId}>
                {one.firstName} {one.lastName}
              </option>
            ))}
          </Select>
        )}
      </div>
      <Actions>
        <Button variant="primary" onClick={goOn}>
          {t('toTimes')}
        </Button>
      </Actions>
      <HelpLine className="mt-10" />
    </TaskPage>
  );
}
