import { useMutation } from '@tanstack/react-query';
import { useMemo, useState, type ReactNode } from 'react';
import { useLocation, useNavigate } from 'react-router';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Actions, Button } from '@/components/Button';
import { CrisisNote } from '@/components/CrisisNote';
import { AlertDialog } from '@/components/Dialog';
import { ErrorSummary } from '@/components/ErrorSummary';
import { Checkbox } from '@/components/Field';
import { TaskPage } from '@/components/Page';
import { useConfig } from '@/lib/config';
import { useErrorSentence } from '@/lib/errors';
import { useFormat } from '@/lib/format';
import type { Problem } from '@/lib/forms';
import { useIdempotencyKey } from '@/lib/idempotency';
import { useLanguage } from '@/lib/i18n';
import { api, type ApiError } from '@/lib/pb';
import { useInvalidate } from '@/lib/query';
import { useClientId } from '@/lib/session';
import type { FormSubmission, FormSubmitted } from '@/lib/types';
import { CheckAnswers } from './CheckAnswers';
import { ClinicParagraphs, ClinicText } from './ClinicText';
import { CrisisScreen } from './CrisisScreen';
import type { FormData } from './data';
import type { DraftState } from './draft';
import { fieldId, problemSentence } from './problems';
import { Progress, SaveState } from './Progress';
import { withAnswer } from './questionnaire/edit';
import { initialResponses, isMoodMeasure, isSelfHarmAnswer, itemWords, optionsOf, readQuestionnaire, type Form, type Node } from './questionnaire/form';
import { asksSomething, listScreens, readingOrder, resumeAt, screenOf, type QuestionScreen, type Screen } from './questionnaire/screens';
import type { Responses } from './questionnaire/types';
import { checkForm, savableResponses, sendableResponses, type Problem as AnswerProblem } from './questionnaire/validate';
import { Question } from './Question';
import { QuestionRows } from './QuestionRows';
import { SignStep, type SignedPart } from './SignStep';
import { useDraft } from './useDraft';
import { useFormWords } from './words';

/**
 * Where the person is. Kept in the browser's history: Back and reload work, and no address tells what is asked.
 * `toCheck` came from the review and goes back there.
 */
type Step = { at: 'question'; id: string; toCheck?: boolean } | { at: 'crisis'; id: string; toCheck?: boolean } | { at: 'check' } | { at: 'sign' };

interface FillFormProps {
  data: FormData;
  onSent: (data: FormSubmitted) => void;
  /** Somebody sent it from elsewhere while it was open here. */
  onSentElsewhere: () => void;
}

export function FillForm({ data, onSent, onSentElsewhere }: FillFormProps) {
  const { t } = useFormWords();
  const navigate = useNavigate();
  const location = useLocation();
  const invalidate = useInvalidate();
  const clientId = useClientId();
  const { keyFor } = useIdempotencyKey();
  const { languages } = useConfig();
  const form = useMemo(() => readQuestionnaire(data.questionnaire, languages[0]), [data.questionnaire, languages]);
  const [responses, setResponses] = useState<Responses>(() => (data.draftVersion > 0 || Object.keys(data.responses).length > 0 ? data.responses : initialResponses(form)));
  // A new number remounts the fields after answers came from somewhere else.
  const [epoch, setEpoch] = useState(0);
  const { queue, state: saved } = useDraft(data.form.id, data.draftVersion);
  const [refused, setRefused] = useState<Record<string, string>>({});

  const screens = listScreens(form, responses);
  const [start] = useState<Step>(() => beginAt(form, responses, screens, data.signatureRequired));
  const step = stepFrom(location.state, screens, start, data.signatureRequired);
  const go = (next: Step, replace = false) => void navigate('.', { state: { step: next }, replace });

  const change = (next: Responses, screen: Screen) => {
    setResponses(next);
    // What the server said about this screen was about the former answer.
    setRefused((before) => Object.fromEntries(Object.entries(before).filter(([linkId]) => !isOn(form, screen, linkId))));
    queue.change(savableResponses(form, next));
  };

  const send = useMutation<FormSubmitted, ApiError, FormSubmission>({
    mutationFn: async (body) => {
      await queue.flush();
      return api(`forms/${encodeURIComponent(data.form.id)}/submit`, { method: 'POST', body, clientId, idempotencyKey: keyFor(body) });
    },
    onSuccess: (answer) => {
      queue.close();
      onSent(answer);
      void invalidate('forms', 'appointments', 'notifications');
    },
    onError: (error) => {
      if (error.reason === 'ALREADY_SUBMITTED') {
        queue.close();
        onSentElsewhere();
        return;
      }
      // Only what a question can show; the rest stands as a sentence at the button.
      const fields = Object.entries(error.fields).flatMap(([linkId, { message }]) => {
        const at = screenOf(form, screens, linkId);
        return at === -1 ? [] : [{ linkId, message, at }];
      });
      setRefused(Object.fromEntries(fields.map(({ linkId, message }) => [linkId, message])));
      const first = screens[Math.min(...fields.map(({ at }) => at))];
      if (first) go({ at: 'question', id: first.id, toCheck: true });
    },
  });
  const submit = (part: SignedPart) => send.mutate({ responses: sendableResponses(form, responses), ...part });

  const banner = (
    <DraftBanner
      state={saved}
      onTheirs={() => {
        const theirs = queue.takeTheirs();
        if (!theirs) return;
        setResponses(theirs);
        setEpoch(epoch + 1);
      }}
      onMine={() => void queue.keepMine(savableResponses(form, responses))}
      onSeeSent={onSentElsewhere}
    />
  );
  const back = { to: paths.forms, label: t('saveAndLeave') };
  const crisisNote = isMoodMeasure(form) && (
    <div className="mt-12">
      <CrisisNote heading={false} />
    </div>
  );

  if (step.at === 'crisis') {
    return <CrisisScreen onGoOn={() => go(afterQuestion(form, screens, responses, step, data.signatureRequired))} />;
  }
  if (step.at === 'sign') {
    return (
      <SignStep
        data={data}
        form={form}
        responses={responses}
        back={screens.length > 0 ? back : { to: paths.forms, label: t('back') }}
        onBack={screens.length > 0 ? () => go({ at: 'check' }) : undefined}
        onSign={(part) => {
          if (checkForm(form, responses).length > 0) go({ at: 'check' });
          else submit(part);
        }}
        busy={send.isPending}
        error={send.error}
        banner={banner}
      />
    );
  }
  if (step.at === 'check') {
    return (
      <CheckStep
        data={data}
        form={form}
        screens={screens.filter(asksSomething)}
        responses={responses}
        busy={send.isPending}
        error={Object.keys(refused).length > 0 ? null : send.error}
        banner={banner}
        crisisNote={crisisNote}
        onChange={(screen) => go({ at: 'question', id: screen.id, toCheck: true })}
        onSign={() => go({ at: 'sign' })}
        onSend={(attestation) => submit({ attestation })}
      />
    );
  }

  const index = screens.findIndex((one) => one.id === step.id);
  const screen = screens[index];
  if (!screen) return null;
  const shared = {
    data,
    form,
    progress: <Progress index={index} total={screens.length} label={screens.every(asksSomething) ? undefined : t('stepOf', { n: index + 1, total: screens.length })} />,
    banner,
    onBack: step.toCheck ? () => go({ at: 'check' }) : index > 0 ? () => go({ at: 'question', id: screens[index - 1]?.id ?? screen.id }) : undefined,
  };
  if (!asksSomething(screen)) {
    return <ReadStep {...shared} screen={screen} onContinue={() => go(afterQuestion(form, screens, responses, step, data.signatureRequired))} />;
  }
  return (
    <QuestionStep
      {...shared}
      key={`${screen.id} ${epoch}`}
      screen={screen}
      intro={introOf(data, form, screen, index)}
      responses={responses}
      refused={refused}
      saved={saved}
      crisisNote={crisisNote}
      onChange={change}
      onContinue={() => {
        if (asksSomething(screen) && isSelfHarmAnswer(form, screen.node.item, responses[screen.id])) {
          void queue.flush();
          go({ at: 'crisis', id: screen.id, toCheck: step.toCheck });
        } else {
          go(afterQuestion(form, screens, responses, step, data.signatureRequired));
        }
      }}
    />
  );
}

/**
 * The form's own introduction: above the first question, and above every scored question of a mood measure, whose
 * items are the ends of the sentence that it begins.
 */
function introOf(data: FormData, form: Form, screen: QuestionScreen, index: number): string | undefined {
  const scored = isMoodMeasure(form) && optionsOf(form, screen.node.item).some((option) => option.score !== undefined);
  return scored || (index === 0 && !isMoodMeasure(form)) ? data.questionnaire.description : undefined;
}

function isOn(form: Form, screen: Screen, linkId: string): boolean {
  return screenOf(form, [screen], linkId) === 0;
}

/** Where an unfinished form goes on: the first question without a sound answer, else the review, else the text to sign. */
function beginAt(form: Form, responses: Responses, screens: Screen[], sign: boolean): Step {
  if (screens.length === 0) return sign ? { at: 'sign' } : { at: 'check' };
  const screen = screens[resumeAt(form, responses)];
  return screen ? { at: 'question', id: screen.id } : { at: 'check' };
}

/** The step of the history entry, as long as it still exists. */
function stepFrom(state: unknown, screens: Screen[], start: Step, sign: boolean): Step {
  const step = (state as { step?: Step } | null)?.step;
  if (!step || (step.at === 'sign' && !sign)) return knownStep(start, screens);
  return knownStep(step, screens);
}

function knownStep(step: Step, screens: Screen[]): Step {
  if (step.at !== 'question' || screens.some((one) => one.id === step.id)) return step;
  return screens[0] ? { at: 'question', id: screens[0].id } : { at: 'check' };
}

function afterQuestion(form: Form, screens: Screen[], responses: Responses, step: { id: string; toCheck?: boolean }, sign: boolean): Step {
  if (step.toCheck) {
    // A changed answer may have opened questions that need one.
    const problem = checkForm(form, responses)[0];
    const screen = problem && screens[screenOf(form, screens, problem.linkId)];
    return screen && screen.id !== step.id ? { at: 'question', id: screen.id, toCheck: true } : { at: 'check' };
  }
  const next = screens[screens.findIndex((one) => one.id === step.id) + 1];
  if (next) return { at: 'question', id: next.id };
  return screens.length === 0 && sign ? { at: 'sign' } : { at: 'check' };
}

function DraftBanner({ state, onTheirs, onMine, onSeeSent }: { state: DraftState; onTheirs: () => void; onMine: () => void; onSeeSent: () => void }) {
  const { t } = useFormWords();
  const sentence = useErrorSentence();
  switch (state.kind) {
    case 'offline':
      return (
        <Banner tone="warning" announce="status" className="mb-6">
          {t('offline')}
        </Banner>
      );
    case 'refused':
      return (
        <Banner tone="danger" announce="alert" className="mb-6">
          {t('notSaved')} {sentence(state.error)}
        </Banner>
      );
    case 'conflict':
      return (
        <AlertDialog
          open
          title={t('conflictTitle')}
          actions={
            <>
              <Button onClick={onTheirs}>{t('conflictTheirs')}</Button>
              <Button onClick={onMine}>{t('conflictMine')}</Button>
            </>
          }
        >
          <p>{t('conflictBody')}</p>
        </AlertDialog>
      );
    case 'submitted':
      return (
        <Banner
          announce="status"
          className="mb-6"
          action={
            <button type="button" className="link min-h-11" onClick={onSeeSent}>
              {t('seeIt')}
            </button>
          }
        >
          {t('alreadySent')}
        </Banner>
      );
    default:
      return null;
  }
}

interface StepProps {
  data: FormData;
  form: Form;
  progress: ReactNode;
  banner: ReactNode;
  onContinue: () => void;
  onBack?: () => void;
}

interface QuestionStepProps extends StepProps {
  screen: QuestionScreen;
  intro?: string;
  responses: Responses;
  /** Sentences of the server, by linkId. */
  refused: Record<string, string>;
  saved: DraftState;
  crisisNote: ReactNode;
  onChange: (next: Responses, screen: Screen) => void;
}

function QuestionStep({ data, form, screen, intro, progress, responses, refused, saved, banner, crisisNote, onChange, onContinue, onBack }: QuestionStepProps) {
  const { t } = useFormWords();
  const format = useFormat();
  const [found, setFound] = useState<AnswerProblem[]>([]);
  const [tries, setTries] = useState(0);
  const { node } = screen;

  // The server names the question; which row of a group it means is in its sentence, so the group is marked.
  const fromServer: Problem[] = Object.entries(refused)
    .filter(([linkId]) => isOn(form, screen, linkId))
    .map(([, message]) => ({ id: fieldId(form, screen.id), message }));
  const own: Problem[] = found.map((problem) => ({
    id: fieldId(form, problem.linkId, problem.rows),
    message: problemSentence(problem, form.byLinkId.get(problem.linkId)?.item ?? node.item, t, format),
  }));
  const problems = own.length > 0 ? own : fromServer;
  const errors = Object.fromEntries(problems.map((problem) => [problem.id, problem.message]));

  const change = (next: Responses) => {
    setFound([]);
    onChange(next, screen);
  };
  const next = () => {
    const wrong = checkForm(form, responses).filter((one) => one.linkId === screen.id || one.rows.some((row) => row.linkId === screen.id));
    setFound(wrong);
    setTries(tries + 1);
    if (wrong.length === 0) onContinue();
  };
  const id = fieldId(form, screen.id);
  const stem = (
    <>
      {intro && <ClinicSpan text={intro} lang={form.language} />}
      <Texts form={form} nodes={screen.stem} />
    </>
  );

  return (
    <TaskPage title={data.form.formTitle} ownHeading step={screen.id} back={{ to: paths.forms, label: t('saveAndLeave') }}>
      {progress}
      {banner}
      {(tries > 0 || fromServer.length > 0) && <ErrorSummary key={tries} problems={problems} />}
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          next();
        }}
      >
        {node.item.type === 'group' ? (
          <QuestionRows form={form} group={node} responses={responses} onChange={change} errors={errors} as="h1" stem={stem} />
        ) : (
          <Question
            form={form}
            item={node.item}
            id={id}
            as="h1"
            value={responses[screen.id]}
            onChange={(value) => change(withAnswer(responses, [], screen.id, value))}
            error={errors[id]}
            stem={stem}
            help={screen.after.length > 0 ? <Texts form={form} nodes={screen.after} /> : undefined}
          />
        )}
        <Actions>
          <Button type="submit" variant="primary" className="sm:min-w-40">
            {t('continue')}
          </Button>
          {onBack && (
            <Button variant="quiet" onClick={onBack}>
              {t('goBack')}
            </Button>
          )}
          <SaveState state={saved} />
        </Actions>
      </form>
      {crisisNote}
    </TaskPage>
  );
}

/** A text to read before the next question: its first heading is the page's. */
function ReadStep({ data, form, screen, progress, banner, onContinue, onBack }: StepProps & { screen: Screen }) {
  const { t } = useFormWords();
  const language = useLanguage();
  const [first, ...rest] = screen.stem;
  const titled = first?.item.type === 'group';
  const body = titled ? rest : screen.stem;
  return (
    <TaskPage title={data.form.formTitle} ownHeading step={screen.id} back={{ to: paths.forms, label: t('saveAndLeave') }}>
      {progress}
      {banner}
      <h1 tabIndex={-1}>{titled ? <ClinicText words={itemWords(form, first.item, language)} note /> : data.form.formTitle}</h1>
      <div className="mt-4 grid max-w-(--measure) gap-3">
        {body.map((node) => {
          const words = itemWords(form, node.item, language);
          return node.item.type === 'group' ? (
            <h2 key={node.item.linkId} className="mt-4">
              <ClinicText words={words} />
            </h2>
          ) : (
            <ClinicParagraphs key={node.item.linkId} words={words} />
          );
        })}
      </div>
      <Actions>
        <Button variant="primary" onClick={onContinue} className="sm:min-w-40">
          {t('continue')}
        </Button>
        {onBack && (
          <Button variant="quiet" onClick={onBack}>
            {t('goBack')}
          </Button>
        )}
      </Actions>
    </TaskPage>
  );
}

/** Headings and texts around a question. */
function Texts({ form, nodes }: { form: Form; nodes: Node[] }) {
  const language = useLanguage();
  return nodes.map((node) => {
    const words = itemWords(form, node.item, language);
    return <ClinicSpan key={node.item.linkId} text={words.text} lang={words.lang} />;
  });
}

/** Spans, because a legend takes nothing else. */
function ClinicSpan({ text, lang }: { text: string; lang?: string }) {
  return text.split(/\n\s*\n/).map((paragraph, index) => (
    <span key={index} className="mb-2 block max-w-(--measure) whitespace-pre-line text-ink-2">
      <ClinicText words={{ text: paragraph, lang }} />
    </span>
  ));
}

interface CheckStepProps {
  data: FormData;
  form: Form;
  screens: QuestionScreen[];
  responses: Responses;
  busy: boolean;
  error: ApiError | null;
  banner: ReactNode;
  crisisNote: ReactNode;
  onChange: (screen: QuestionScreen) => void;
  onSign: () => void;
  onSend: (attestation: boolean) => void;
}

function CheckStep({ data, form, screens, responses, busy, error, banner, crisisNote, onChange, onSign, onSend }: CheckStepProps) {
  const { t } = useFormWords();
  const format = useFormat();
  const sentence = useErrorSentence();
  const [attested, setAttested] = useState(false);
  const [tries, setTries] = useState(0);

  const found: Record<string, string> = {};
  for (const problem of checkForm(form, responses)) {
    const screen = screens[screenOf(form, screens, problem.linkId)];
    const item = form.byLinkId.get(problem.linkId)?.item;
    if (screen && item) found[screen.id] ??= problemSentence(problem, item, t, format);
  }
  const missing = Object.keys(found).length;
  const needsStatement = !data.signatureRequired;
  const statementMissing = tries > 0 && needsStatement && !attested;
  const problems: Problem[] = [
    ...screens.flatMap((screen) => {
      const message = found[screen.id];
      return message ? [{ id: `change-${screen.node.order}`, message }] : [];
    }),
    ...(statementMissing ? [{ id: 'attestation', message: t('errAttest') }] : []),
  ];

  const go = () => {
    setTries(tries + 1);
    if (missing > 0 || (needsStatement && !attested)) return;
    if (data.signatureRequired) onSign();
    else onSend(attested);
  };
  return (
    <TaskPage title={t('checkTitle')} lead={missing > 0 ? t('checkMissing', { count: missing }) : t('checkIntro')} back={{ to: paths.forms, label: t('saveAndLeave') }} step="check">
      {banner}
      {tries > 0 && <ErrorSummary key={tries} problems={problems} />}
      {screens.length > 0 ? (
        <CheckAnswers form={form} screens={screens} responses={responses} problems={found} onChange={onChange} />
      ) : (
        <Texts form={form} nodes={readingOrder(form, responses)} />
      )}
      {needsStatement && (
        <div className="mt-5">
          <Checkbox name="attestation" checked={attested} error={statementMissing ? t('errAttest') : undefined} onChange={(event) => setAttested(event.target.checked)}>
            {data.attestationText ? <ClinicText words={{ text: data.attestationText, lang: form.language }} note /> : t('attestPlain')}
          </Checkbox>
        </div>
      )}
      {error && (
        <Banner tone="danger" announce="alert" className="mt-6">
          {sentence(error)}
        </Banner>
      )}
      <Actions>
        <Button variant="primary" busy={busy} busyLabel={t('sending')} onClick={go} className="sm:min-w-40">
          {data.signatureRequired ? t('toSign') : t('send')}
        </Button>
      </Actions>
      <p className="mt-4 text-sm text-ink-2">{t('sendsTo')}</p>
      {crisisNote}
    </TaskPage>
  );
}
