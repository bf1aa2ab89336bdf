import { useState, type FormEvent } from 'react';
import { paths } from '@/app/paths';
import { Banner } from '@/components/Banner';
import { Actions, Button, LinkButton } from '@/components/Button';
import { TextInput } from '@/components/Field';
import { useErrorSentence } from '@/lib/errors';
import { api } from '@/lib/pb';
import { AuthLayout } from './AuthLayout';
import { looksLikeEmail, useAtPhone } from './fields';
import { useAuthWords } from './words';

/** The answer is the same for every address: nobody learns here who is a client. */
export function Component() {
  const { t } = useAuthWords();
  const sentence = useErrorSentence();
  const atPhone = useAtPhone();
  const [email, setEmail] = useState('');
  const [sentTo, setSentTo] = useState<string>();
  const [error, setError] = useState<string>();
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    const address = email.trim();
    setProblem(undefined);
    if (!looksLikeEmail(address)) {
      setError(t('errEmail'));
      document.getElementById('email')?.focus();
      return;
    }
    setError(undefined);
    setBusy(true);
    try {
      await api('auth/forgot-password', { method: 'POST', body: { email: address }, anonymous: true });
      setSentTo(address);
    } catch (failure) {
      setProblem(sentence(failure));
    } finally {
      setBusy(false);
    }
  };

  const back = { to: paths.login, label: t('signIn') };
  if (sentTo) {
    return (
      <AuthLayout title={t('forgotSentTitle')} lead={t('forgotSent', { email: sentTo })} back={back} step="">
        <p className="text-sm text-ink-2">{t('noMail', { phone: atPhone })}</p>
        <Actions>
          <LinkButton to={paths.login}>{t('signIn')}</LinkButton>
        </Actions>
      </AuthLayout>
    );
  }
  return (
    <AuthLayout title={t('forgotTitle')} lead={t('forgotLead')} back={back}>
      {problem && (
        <Banner tone="danger" announce="alert" className="mb-6">
          {problem}
        </Banner>
      )}
      <form onSubmit={(event) => void submit(event)} noValidate>
        <TextInput
          name="email"
          label={t('email')}
          type="email"
          inputMode="email"
          autoComplete="username"
          autoCapitalize="none"
          value={email}
          onChange={(event) => setEmail(event.target.value)}
          error={error}
        />
        <Actions>
          <Button variant="primary" type="submit" busy={busy} busyLabel={t('sending')}>
            {t('sendLink')}
          </Button>
        </Actions>
      </form>
    </AuthLayout>
  );
}
