import { Elements, PaymentElement, useElements, useStripe } from '@stripe/react-stripe-js';
import type { Appearance, Stripe } from '@stripe/stripe-js';
import { loadStripe } from '@stripe/stripe-js/pure';
import { useEffect, useImperativeHandle, useMemo, useState, type Ref } from 'react';
import { Banner } from '@/components/Banner';
import { Button } from '@/components/Button';
import { Skeleton } from '@/components/Skeleton';
import { useLanguage } from '@/lib/i18n';
import { usePaymentWords } from './words';

export interface StripePanelHandle {
  /**
   * Confirms the payment and makes the bank's check, if it wants one. `incomplete`: the form shows what is missing.
   * Rejects when nobody knows whether Stripe was reached.
   */
  confirm: () => Promise<{ result: 'sent' | 'incomplete' } | { result: 'declined'; message?: string }>;
}

interface StripePanelProps {
  publishableKey: string;
  /** Of the payment that the form is for. */
  clientSecret: string;
  ref: Ref<StripePanelHandle>;
}

let loaded: { key: string; stripe: Promise<Stripe | null> } | undefined;

function stripeFor(key: string): Promise<Stripe | null> {
  if (loaded?.key !== key) loaded = { key, stripe: loadStripe(key) };
  return loaded.stripe;
}

/** Stripe's own card form. Nothing typed into it reaches the clinic. This file is loaded on the payment page only. */
export default function StripePanel({ publishableKey, clientSecret, ref }: StripePanelProps) {
  const { t } = usePaymentWords();
  const language = useLanguage();
  const [attempt, setAttempt] = useState(0);
  const [failed, setFailed] = useState(false);
  const stripe = useMemo(() => stripeFor(publishableKey), [publishableKey, attempt]); // eslint-disable-line react-hooks/exhaustive-deps -- a new attempt loads anew
  useEffect(() => {
    let gone = false;
    stripe.catch(() => {
      loaded = undefined;
      if (!gone) setFailed(true);
    });
    return () => {
      gone = true;
    };
  }, [stripe]);

  if (failed) {
    return (
      <Banner
        tone="danger"
        announce="alert"
        action={
          <Button
            small
            onClick={() => {
              setFailed(false);
              setAttempt(attempt + 1);
            }}
          >
            {t('tryAgain')}
          </Button>
        }
      >
        {t('cardFailed')}
      </Banner>
    );
  }
  return (
    <Elements
      key={`${attempt} ${clientSecret}`}
      stripe={stripe}
      options={{ clientSecret, locale: language, appearance: appearanceOfPage() }}
    >
      <CardForm ref={ref} />
    </Elements>
  );
}

function CardForm({ ref }: { ref: Ref<StripePanelHandle> }) {
  const { t } = usePaymentWords();
  const stripe = useStripe();
  const elements = useElements();
  const [there, setThere] = useState(false);
  const [broken, setBroken] = useState(false);
  useImperativeHandle(ref, () => ({
    confirm: async () => {
      if (!stripe || !elements) return { result: 'incomplete' };
      const { error } = await stripe.confirmPayment({
        elements,
        confirmParams: { return_url: window.location.href },
        redirect: 'if_required',
      });
      if (!error) return { result: 'sent' };
      if (error.type === 'validation_error') return { result: 'incomplete' };
      if (error.type === 'card_error') return { result: 'declined', message: error.message };
      throw new Error(error.message ?? error.type);
    },
  }));
  return (
    <>
      {!there && !broken && (
        <div>
          <p className="sr-only" role="status">
            {t('loadingCard')}
          </p>
          <Skeleton shape="form" count={2} />
        </div>
      )}
      {broken && (
        <Banner tone="danger" announce="alert">
          {t('cardFailed')}
        </Banner>
      )}
      <PaymentElement onReady={() => setThere(true)} onLoadError={() => setBroken(true)} options={{ layout: 'tabs' }} />
    </>
  );
}

/** Asks the bank again for a payment whose check was left open. */
export async function resumeCheck(publishableKey: string, clientSecret: string): Promise<{ declined?: string }> {
  const stripe = await stripeFor(publishableKey);
  if (!stripe) throw new Error('Stripe is not there');
  const { error } = await stripe.handleNextAction({ clientSecret });
  return error ? { declined: error.message ?? '' } : {};
}

/** Stripe's form stands in a frame of its own and knows nothing of our tokens: they are read out and handed over. */
function appearanceOfPage(): Appearance {
  const style = getComputedStyle(document.documentElement);
  const token = (name: string) => style.getPropertyValue(name).trim();
  return {
    theme: 'flat',
    variables: {
      colorPrimary: token('--accent-solid'),
      colorBackground: token('--surface'),
      colorText: token('--text'),
      colorTextSecondary: token('--text-2'),
      colorTextPlaceholder: token('--text-3'),
      colorDanger: token('--danger'),
      borderRadius: token('--r-md'),
      fontFamily: 'system-ui, sans-serif',
      fontSizeBase: '17px',
    },
    rules: {
      '.Input': { border: `1px solid ${token('--line-strong')}` },
      '.Input:focus': { outline: `3px solid ${token('--focus')}`, outlineOffset: '2px' },
      '.Input--invalid': { border: `2px solid ${token('--danger')}` },
      '.Label': { fontWeight: '600' },
    },
  };
}
