import { Tabs } from 'radix-ui';
import { useRef, useState, type ReactNode } from 'react';
import { Banner } from '@/components/Banner';
import { Actions, Button } from '@/components/Button';
import { Card } from '@/components/Card';
import { ErrorSummary } from '@/components/ErrorSummary';
import { Checkbox, FieldError, TextInput } from '@/components/Field';
import { TaskPage } from '@/components/Page';
import { serverNow } from '@/lib/clock';
import { useErrorSentence } from '@/lib/errors';
import { useLanguage } from '@/lib/i18n';
import { useSession } from '@/lib/session';
import type { ApiError } from '@/lib/pb';
import type { FormSubmission } from '@/lib/types';
import { AnswerOf } from './CheckAnswers';
import { ClinicParagraphs, ClinicText } from './ClinicText';
import type { FormData } from './data';
import { isQuestion, isRepeatingGroup, itemWords, type Form } from './questionnaire/form';
import { readingOrder } from './questionnaire/screens';
import type { Responses } from './questionnaire/types';
import { checkSignature, type Signature, type SignatureProblem } from './signature';
import { SignaturePad, type SignaturePadHandle } from './SignaturePad';
import { useFormWords } from './words';

export type SignedPart = Pick<FormSubmission, 'signature' | 'signatureDate' | 'attestation'>;

interface SignStepProps {
  data: FormData;
  form: Form;
  responses: Responses;
  back: { to: string; label: string };
  onBack?: () => void;
  onSign: (part: SignedPart) => void;
  busy: boolean;
  error: ApiError | null;
  banner?: ReactNode;
}

/** The whole text, the signature, the statement, and one button. */
export function SignStep({ data, form, responses, back, onBack, onSign, busy, error, banner }: SignStepProps) {
  const { t } = useFormWords();
  const sentence = useErrorSentence();
  const name = useSignerName(data);
  const [mode, setMode] = useState<'draw' | 'type'>('draw');
  const [typed, setTyped] = useState('');
  const [attested, setAttested] = useState(false);
  const [problems, setProblems] = useState<SignatureProblem[]>([]);
  const [tries, setTries] = useState(0);
  const [seenError, setSeenError] = useState(error);
  const pad = useRef<SignaturePadHandle>(null);

  const words: Record<SignatureProblem, string> = {
    missing: t('errNoSignature'),
    name: t('errName', { name }),
    attestation: t('errAttest'),
  };
  // What the server says about the signature stands at the signature.
  if (error !== seenError) {
    setSeenError(error);
    const refused = error && problemOf(error.reason);
    if (refused) {
      setProblems([refused]);
      setTries(tries + 1);
    }
  }
  const signatureProblem = problems.find((one) => one !== 'attestation');
  const signatureError = signatureProblem && (error?.reason === 'SIGNATURE_NOT_IMAGE' ? t('errSignatureImage') : error?.reason === 'SIGNATURE_TOO_LARGE' ? t('errSignatureLarge') : words[signatureProblem]);
  const signatureId = mode === 'draw' ? 'signature' : 'typed';
  const forget = (...kinds: SignatureProblem[]) => setProblems((before) => before.filter((one) => !kinds.includes(one)));

  const sign = () => {
    const found = checkSignature({ mode, strokes: pad.current?.strokes() ?? [], typed, attested }, name);
    setProblems(found);
    setTries(tries + 1);
    if (found.length > 0) return;
    const signature: Signature = mode === 'draw' ? (pad.current?.toPng() ?? '') : { typed: typed.trim() };
    onSign({ signature, signatureDate: new Date(serverNow()).toISOString(), attestation: attested });
  };

  const minutes = data.form.estimatedMinutes;
  return (
    <TaskPage
      title={data.form.formTitle}
      lead={minutes && !onBack ? t('signIntroMinutes', { count: minutes }) : t('signIntro')}
      back={back}
      step="sign"
    >
      {banner}
      {tries > 0 && (
        <ErrorSummary
          key={tries}
          problems={problems.map((one) => ({ id: one === 'attestation' ? 'attestation' : signatureId, message: one === 'attestation' ? words[one] : (signatureError ?? words[one]) }))}
        />
      )}
      <WholeText form={form} responses={responses} />
      <Signers data={data} />
      <h2 className="mt-8 mb-3">{t('signature')}</h2>
      {mode === 'draw' && signatureError && <FieldError id="signature-error">{signatureError}</FieldError>}
      <Tabs.Root
        value={mode}
        onValueChange={(next) => {
          setMode(next as typeof mode);
          forget('missing', 'name');
        }}
        className="mt-3"
      >
        <Tabs.List aria-label={t('signature')} className="inline-flex gap-1 rounded-md border border-line bg-sunken p-1">
          {(['draw', 'type'] as const).map((one) => (
            <Tabs.Trigger
              key={one}
              value={one}
              className="min-h-11 rounded-sm border border-transparent px-4.5 text-ink-2 data-[state=active]:border-line data-[state=active]:bg-surface data-[state=active]:font-semibold data-[state=active]:text-ink data-[state=active]:shadow-1"
            >
              {t(one)}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        {/* Kept while the other way is looked at: switching back must not lose the strokes. */}
        <Tabs.Content value="draw" forceMount tabIndex={-1} className="mt-3 data-[state=inactive]:hidden">
          <SignaturePad
            ref={pad}
            id="signature"
            name={name}
            invalid={mode === 'draw' && signatureProblem !== undefined}
            describedBy={signatureProblem ? 'signature-error' : undefined}
            onChange={() => forget('missing')}
          />
        </Tabs.Content>
        <Tabs.Content value="type" tabIndex={-1} className="mt-3">
          <TextInput
            name="typed"
            label={t('typeLabel')}
            hint={t('typeHint', { name })}
            autoComplete="name"
            spellCheck={false}
            className="min-h-16 text-[1.75rem]"
            value={typed}
            error={signatureError}
            onChange={(event) => {
              setTyped(event.target.value);
              forget('missing', 'name');
            }}
          />
        </Tabs.Content>
      </Tabs.Root>
      <div className="mt-5">
        <Checkbox
          name="attestation"
          checked={attested}
          error={problems.includes('attestation') ? words.attestation : undefined}
          onChange={(event) => {
            setAttested(event.target.checked);
            forget('attestation');
          }}
        >
          {data.attestationText ? <ClinicText words={{ text: data.attestationText, lang: form.language }} note /> : t('attest', { name })}
        </Checkbox>
      </div>
      {error && !problemOf(error.reason) && (
        <Banner tone="danger" announce="alert" className="mt-6">
          {sentence(error)}
        </Banner>
      )}
      <Actions>
        <Button variant="primary" busy={busy} busyLabel={t('sending')} onClick={sign} className="sm:min-w-48">
          {t('signAndSend')}
        </Button>
        {onBack && (
          <Button variant="quiet" onClick={onBack}>
            {t('goBack')}
          </Button>
        )}
      </Actions>
      <p className="mt-4 text-sm text-ink-2">{t('copyNote')}</p>
    </TaskPage>
  );
}

function problemOf(reason: string | undefined): SignatureProblem | undefined {
  switch (reason) {
    case 'SIGNATURE_BLANK':
    case 'SIGNATURE_REQUIRED':
    case 'SIGNATURE_NOT_IMAGE':
    case 'SIGNATURE_TOO_LARGE':
      return 'missing';
    case 'SIGNATURE_NAME_DIFFERS':
      return 'name';
    case 'ATTESTATION_REQUIRED':
      return 'attestation';
    default:
      return undefined;
  }
}

/** Whose turn it is; who signs is who is signed in, also when they act for somebody else. */
function useSignerName(data: FormData): string {
  const session = useSession();
  const turn = data.signers.find((one) => !one.signedAt)?.name;
  return turn ?? (session.status === 'signed-in' ? `${session.user.firstName} ${session.user.lastName}`.trim() : '');
}

/** Everything that is signed: texts, questions and answers, none of it in a box of its own to scroll. */
function WholeText({ form, responses }: { form: Form; responses: Responses }) {
  const { t } = useFormWords();
  const language = useLanguage();
  return (
    <Card className="grid gap-3">
      {readingOrder(form, responses).map((node, index) => {
        const words = itemWords(form, node.item, language);
        if (isQuestion(node) || isRepeatingGroup(node.item)) {
          return (
            <div key={node.item.linkId} className="border-t border-line pt-3 first:border-0 first:pt-0">
              <p className="text-ink-2">
                <ClinicText words={words} />
              </p>
              <div className="font-semibold">
                <span className="sr-only">{t('answer')}: </span>
                <AnswerOf form={form} node={node} responses={responses} />
              </div>
            </div>
          );
        }
        if (!words.text) return null;
        return node.item.type === 'group' ? (
          <h2 key={node.item.linkId} className="mt-3 text-lg leading-(--lh-lg) font-semibold tracking-normal first:mt-0">
            <ClinicText words={words} note={index === 0} />
          </h2>
        ) : (
          <ClinicParagraphs key={node.item.linkId} words={words} />
        );
      })}
    </Card>
  );
}

/** "1 of 2: you. Then Sam Okafor." Only when several people sign. */
function Signers({ data }: { data: FormData }) {
  const { t } = useFormWords();
  if (data.signers.length < 2) return null;
  const at = data.signers.findIndex((one) => !one.signedAt);
  if (at === -1) return null;
  const names = (list: FormData['signers']) => list.map((one) => one.name ?? one.role).join(', ');
  const before = data.signers.slice(0, at);
  const after = data.signers.slice(at + 1).filter((one) => !one.signedAt);
  return (
    <p className="mt-4 text-ink-2">
      {before.length > 0 && `${t('signersBefore', { names: names(before) })} `}
      {t('signersYou', { n: at + 1, total: data.signers.length })} {after.length > 0 && t('signersThen', { names: names(after) })}
    </p>
  );
}
