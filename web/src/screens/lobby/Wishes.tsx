import { useTranslation } from "react-i18next";
import { cleanTags, MAX_TAGS } from "../../core/settings";
import { useClient } from "../../state/client";
import { useView } from "../../state/store";
import { SelectField, Switch } from "../../ui/Fields";
import { TagInput, Tags } from "../../ui/TagInput";

const SPOKEN = ["ar", "bn", "de", "en", "es", "fa", "fr", "hi", "id", "it", "ja", "ko", "nl", "pl", "pt", "ru", "sw", "tr", "uk", "ur", "vi", "zh"];

/** Interests, languages, and whether a stranger may learn where one connects from. */
export function Wishes() {
  const { t, i18n } = useTranslation();
  const client = useClient();
  const interests = useView((state) => state.settings.interests);
  const languages = useView((state) => state.settings.languages);
  const hideAddress = useView((state) => state.settings.hideAddress);
  const names = new Intl.DisplayNames([i18n.language], { type: "language" });
  const nameOf = (code: string): string => {
    try {
      return names.of(code) ?? code;
    } catch {
      return code; // From a profile that was written elsewhere.
    }
  };
  const others = SPOKEN.filter((code) => !languages.includes(code))
    .map((code) => ({ code, name: nameOf(code) }))
    .sort((a, b) => a.name.localeCompare(b.name, i18n.language));
  return (
    <section aria-labelledby="wishes" className="flex flex-col gap-5 rounded-3xl bg-surface p-5 sheet-shadow sm:p-6">
      <h2 id="wishes" className="text-xl font-bold">
        {t("lobby.about")}
      </h2>
      <div className="grid gap-5 sm:grid-cols-2">
        <TagInput
          label={t("lobby.interests")}
          hint={t("lobby.interestsHint")}
          tags={interests}
          onChange={(tags) => client.set({ interests: tags })}
        />
        <div className="flex flex-col gap-2">
          <p aria-hidden className="-mb-0.5 font-medium">
            {t("lobby.languages")}
          </p>
          <Tags
            tags={languages}
            nameOf={nameOf}
            onRemove={(tag) => client.set({ languages: languages.filter((other) => other !== tag) })}
          />
          <SelectField
            label={t("lobby.languages")}
            hideLabel
            value=""
            disabled={languages.length >= MAX_TAGS}
            onChange={(event) => client.set({ languages: cleanTags([...languages, event.target.value]) })}
          >
            <option value="">{t("lobby.addLanguage")}</option>
            {others.map(({ code, name }) => (
              <option key={code} value={code}>
                {name}
              </option>
            ))}
          </SelectField>
        </div>
      </div>
      <Switch
        label={t("lobby.hide")}
        hint={t("lobby.hideHint")}
        checked={hideAddress}
        onChange={(value) => client.set({ hideAddress: value })}
      />
    </section>
  );
}
