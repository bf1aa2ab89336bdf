import { defineWords } from './i18n';
import { largestFile } from './upload';

const useWords = defineWords(
  'upload',
  {
    empty: 'This file is empty. Choose another.',
    type: 'We can’t use this kind of file. Choose {kinds}.',
    broken: 'This file is damaged, or is not what its name says. Choose another.',
    pixels: 'This picture has too many pixels. Make it smaller, or choose another.',
    infected: 'Our check found something harmful in this file, so we did not keep it. Choose another, and have your device checked.',
    size: 'This file is too large. Choose one of up to {most} MB.',
  },
  {
    empty: 'Este archivo está vacío. Elija otro.',
    type: 'No podemos usar este tipo de archivo. Elija {kinds}.',
    broken: 'Este archivo está dañado o no es lo que dice su nombre. Elija otro.',
    pixels: 'Esta imagen tiene demasiados píxeles. Hágala más pequeña o elija otra.',
    infected: 'Nuestra revisión encontró algo dañino en este archivo, así que no lo guardamos. Elija otro y haga revisar su dispositivo.',
    size: 'Este archivo es demasiado grande. Elija uno de hasta {most} MB.',
  },
);

/** Why the server would not take a file, by its reason. `kinds` says what it takes: "a JPEG or PNG picture". */
export function useUploadRefusals(kinds: string): Record<string, string> {
  const { t } = useWords();
  return {
    FILE_EMPTY: t('empty'),
    FILE_TYPE: t('type', { kinds }),
    FILE_BROKEN: t('broken'),
    IMAGE_TOO_LARGE: t('pixels'),
    FILE_INFECTED: t('infected'),
    BODY_TOO_LARGE: t('size', { most: largestFile / 1024 / 1024 }),
  };
}
